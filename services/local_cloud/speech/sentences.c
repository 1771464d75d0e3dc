#include "local_cloud/speech/sentences.h"

#include "base/macros.h"

enum { DRAW_DEPTH_MAX = 24 };

struct phrase_class {
    const char *name, *template;
};

/* Parts of sentences. <service> and <question> may be the business's own instead (topics). */
/* clang-format off: prose */
static const struct phrase_class classes[] = {
    { "weekday", "[monday|tuesday|wednesday|thursday|friday|saturday|sunday]" },
    { "month", "[january|february|march|april|may|june|july|august|september|october|november|"
               "december]" },
    { "ordinal",
      "[first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|"
      "thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|"
      "twenty [first|second|third|fourth|fifth|sixth|seventh|eighth|ninth]|twenty [first|"
      "second|third|fourth|fifth|sixth|seventh|eighth|ninth]|thirtieth|thirty first]" },
    { "hour", "[one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve]" },
    { "late_hour", "[thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty]" },
    { "minute",
      "[thirty|thirty|thirty|fifteen|forty five|oh five|ten|twenty|twenty five|thirty five|"
      "forty|fifty|fifty five]" },
    { "half", "[a.m.|p.m.|in the morning|in the afternoon|in the evening|at night]" },
    { "time",
      "[<hour>|<hour> thirty|<hour> <minute>|<hour> <minute>|<hour> o'clock|half past <hour>|"
      "quarter [past|to] <hour>|<late_hour> <minute>|<hour> <half>|<hour> thirty <half>|"
      "<hour> o'clock <half>|noon]" },
    { "part", "[morning|afternoon|morning|afternoon|evening|lunchtime]" },
    { "date", "[the <ordinal>|the <ordinal> of <month>|<month> the? <ordinal>|<weekday> the "
              "<ordinal>|<weekday> <month> <ordinal>|<weekday> the <ordinal> of <month>]" },
    { "day", "[<weekday>|<weekday>|<weekday>|next <weekday>|this <weekday>|this coming <weekday>|"
             "tomorrow|tomorrow|today|the day after tomorrow|<date>|<date>|<weekday> next week|"
             "<weekday> week|<weekday> after next|next week|this week|the week after next]" },
    { "soon",
      "[as soon as possible|the earliest [possible|you have]?|the first [you have|available]|"
      "the next [available|free] [slot|appointment|one]?|any time|any day|any day any time|"
      "whenever you can|anything you have|whatever you have|i don't mind|it doesn't matter]" },
    { "span", "[after <time>|before <time>|around <time>|about <time>|between <hour> and <hour>]" },
    { "when",
      "[<day>|<day>|<day> <part>|<day> <part>|on <day>|on <day> <part>|on <day> in the "
      "<part>|<day> in the <part>|<day> at <time>|<day> at <time>|on <day> at <time>|<day> "
      "<time>|<time> on <day>|<time> <day>|at <time>|<time>|at <time> on <day>|in the <part>|"
      "some time [<day>|on <day>|next week|in the <part>]|<day> <span>|<span>|<soon>]" },
    { "filler", "[uh|um|well|so|oh|hello|hi|yes|okay|please|good morning|good afternoon]" },
    { "made_service",
      "[appointment|checkup|check up|consultation|vaccination|flu shot|haircut|cleaning|"
      "repair|inspection|oil change|massage|x ray|blood test|physical|follow up|meeting|"
      "visit]" },
    { "a_service",
      "[a <service>|an <service>|the <service>|an appointment for a <service>|an appointment|"
      "an appointment|a <service> appointment|my <service>|a slot|<service>]" },
    { "want", "[i'd like|i would like|i want|i need|i'd like to have|could i have|can i have|can i "
              "get|could i get|do you have|have you got|i am looking for|i'm looking for|i was "
              "hoping for]" },
    { "want_to",
      "[i'd like to|i would like to|i want to|i need to|can i|could i|may i|is it possible "
      "to|i'm calling to|i am calling to|i was hoping to|we'd like to|i wanted to]" },
    { "book", "[book|make|schedule|arrange|get|set up|reserve]" },
    { "polite", "[please|thank you|thanks|if possible|if that's possible|that would be great]" },
    { "booking",
      "[<want_to> <book> <a_service>|<want_to> <book> <a_service> <when>|<want_to> <book> "
      "<a_service> for <when>|<want> <a_service>|<want> <a_service> <when>|<want> "
      "<a_service> <when>|<want> <a_service> for <when>|<want> [something|anything] [free|"
      "available]? <when>|<a_service> <when>|<a_service> <when> please|<want_to> come in "
      "[<when>|for <a_service>|for <a_service> <when>]|book me [in|a slot] <when>|i need to "
      "see [a|the] doctor <when>?|do you have anything <when>|is <when> [free|available|"
      "possible|okay]|is there anything [free|available]? <when>|are you free <when>|<when> "
      "would be [great|good|best|perfect|fine]]" },
    { "thats", "[that's|that is|this is|that's|it is]" },
    { "yes", "[yes|yes|yes|yes please|yeah|yep|sure|okay|ok|correct|right|<thats> right|<thats> "
             "correct|yes <thats> [right|correct|fine|great|good|perfect]|yes <thats> [right|"
             "correct]|perfect|great|fine|please do|yes please do|go ahead|yes go ahead|that works|"
             "yes that works|that works for me|sounds good|that sounds [good|great]|exactly|of "
             "course|absolutely|yes book it|book it|please book [it|that]|i'll take it|i'll take "
             "that|yes i'll take it|<thats> fine|<thats> fine with me|yes i am|yes it is|yes of "
             "course|that's perfect|yes do that|do that|yes exactly|all right|alright]" },
    { "no",
      "[no|no|no thanks|no thank you|nope|not really|no <thats> wrong|<thats> wrong|<thats> "
      "not right|no <thats> not [right|correct|it]|none of [those|them|these]|no none of "
      "[those|them|these]|that doesn't work|no that doesn't work|those don't work|i can't do "
      "[that|those|any of [those|these]]|no i can't|neither|no neither|none of [those|these|"
      "them] work [for me]?|no sorry|that's not good|rather not|no not really|not that one|i "
      "don't want that|i don't think so|no that's too [late|early]|that's too [late|early]|"
      "nothing else|no other [day|time] works|only <time>|it has to be <time>|it must be "
      "<time>|i can only do <time>|no only <time>|i can only come at <time>|only at <time>]" },
    { "correction",
      "[no the <ordinal> not the <ordinal>|no the <ordinal> not <ordinal>|no <day>|no <day> "
      "not <day>|no i said <day>|i said <day>|i meant <day>|no i meant <day>|no <time>|no "
      "<time> not <time>|no i said <time>|i said <time>|not the <ordinal> the <ordinal>|not "
      "<weekday> <weekday>|no make it <when>|make it <when>|actually <when>|actually make it "
      "<when>|no wait <when>|wait <when> [would be better|is better]|can we [do|make it] "
      "<when> instead|<when> instead|sorry i meant <when>|could we [make|do] <when> instead|"
      "no the <ordinal>|on the <ordinal> not the <ordinal>|no on <day>|<when> would be "
      "better|is <when> [possible|free|available]]" },
    { "choice",
      "[the [first|second|third|last|later|earlier|latest|earliest] one|the [first|second|"
      "third|last|later|earlier] one please|i'll take the [first|second|third|last|later|"
      "earlier|earliest] one|the one at <time>|<time> please|<time> works|<time> works for "
      "me|<time> is [good|fine|perfect|great|okay]|i'll take <time>|i'll take the <time>|"
      "let's do <time>|let's take <time>|<time> sounds good|yes <time>|yes <time> please|"
      "<time> then|then <time>|<time> then please|the <part> one|the <time> [slot|one|please|"
      "works]|<day> at <time> please|<day> is [good|fine]|<day> please|let's say <time>|okay "
      "<time>|yes the [first|second|last] one|the first|the second|the last|either|okay then "
      "<time>|well then <time>]" },
    { "push",
      "[are you sure|really|can you [check|look] again|is there [really|absolutely] nothing "
      "at <time>|i really need <time>|but i need <time>|can't you make <time> [possible|"
      "work]|what else do you have|anything else|do you have anything [else|later|earlier]|"
      "anything [later|earlier]|do you have something [later|earlier]|is there anything "
      "[later|earlier|else]|what about <when>|how about <when>|and <when>|what do you have "
      "<when>]" },
    { "someone",
      "[a person|a human|a real person|a human being|somebody|someone|a real human|an agent|"
      "the receptionist|a doctor|the doctor|the manager|your manager|a colleague|a member of "
      "staff|a live person|an operator|a nurse]" },
    { "person",
      "[<want_to> [speak|talk] [to|with] <someone>|let me [speak|talk] [to|with] <someone>|"
      "<someone> please|put me through to <someone>|put me through please|can you put me "
      "through|connect me [to|with] <someone>|transfer me [to <someone>]?|operator|i want a "
      "[human|person]|get me <someone>|i'd rather [speak|talk] to <someone>|is there "
      "<someone> i can [speak|talk] to|a person|a human|human please|a person please|a "
      "person please|no a person please]" },
    { "robot",
      "[are you a [robot|machine|computer|real person|human|person|recording|bot]|am i "
      "[talking|speaking] to a [robot|machine|computer|real person|person|human|bot]|is this "
      "a [robot|machine|computer|recording|bot]|are you [real|human|artificial]|are you an "
      "[a.i.|artificial intelligence]]" },
    { "patient", "[he|she|my father|my mother|my husband|my wife|my son|my daughter|my dad|my mom|"
                 "somebody|someone|my friend|a man|the baby|my child]" },
    { "emergency",
      "[<patient> [collapsed|has collapsed|just collapsed|is not breathing|isn't breathing|"
      "can't breathe|fainted|is unconscious|is bleeding|is bleeding badly|had a stroke|is "
      "having a [stroke|heart attack|seizure]|has chest pain|has stopped breathing]|i can't "
      "breathe|i have chest pain|i have [a|bad|severe] chest [pain|pains]|i think i'm having "
      "a [heart attack|stroke]|it's an emergency|this is an emergency|please help [<patient> "
      "collapsed]?|i'm bleeding|we need an ambulance|i need an ambulance|call an ambulance]" },
    { "legal",
      "[i will call my lawyer|my lawyer will [call you|hear about this]|i'm going to sue you|"
      "i want to complain|i have a complaint|this is a complaint|it's about [a|my|the] [bill|"
      "invoice]|i have a question about my [bill|invoice]|i want my money back|i'd like to "
      "make a complaint]" },
    { "made_question",
      "[when are you open|what are your [opening hours|hours|opening times]|are you open "
      "[<day>|on <day>|<day> <part>|today|tomorrow|at the weekend|on weekends]|what time do "
      "you [open|close]|when do you [open|close]|how late are you open|how much [is|does|"
      "for] [a|an|the] <service> [cost]?|what does [a|an|the] <service> cost|what's the "
      "price [of|for] [a|an|the] <service>|how much is it|what does it cost|how much does it "
      "cost|how long does [it|a <service>] take|how long is [a|the] <service>|where are you|"
      "where are you located|what's your address|what is your address|how do i get there|is "
      "there parking|where can i park|do you have parking|do you [take|accept] [insurance|"
      "cards|credit cards|new patients|my insurance]|what [should|do] i [need to]? bring|do "
      "i need [to bring anything|an appointment|a referral]|can i cancel|what services do "
      "you [offer|have]|what do you offer|do you speak [german|english|french]]" },
    { "bye", "[i think <thats> all|goodbye|bye|bye bye|thank you goodbye|thanks bye|thank you bye|"
             "okay bye|<thats> all|<thats> all thank you|<thats> all thanks|no <thats> all|no "
             "<thats> all thank you|no thank you goodbye|no thanks goodbye|no goodbye|thank you "
             "goodbye|okay goodbye|great thank you goodbye|nothing else|nothing else thank you|no "
             "nothing else|that's it|no that's it|that's it thanks|thank you|thank you very much|"
             "thanks a lot|no thank you that's all|thank you that's all|no thanks bye|no thank you "
             "goodbye|have a nice day|that was all|no that was all|you too goodbye]" },
    { "again",
      "[pardon|sorry|what|excuse me|can you repeat that|could you repeat that|please repeat "
      "that|say that again|can you say that again|i didn't [get|understand|hear] that|sorry "
      "what|what did you say|one moment|just a moment|hold on|hello|hello can you hear me|"
      "are you there|hello are you still there|wait]" },
    { "privacy",
      "[don't record me|please don't record me|i don't want to be recorded|stop recording|do "
      "not record this|is this call recorded|are you recording this]" },
    { "other",
      "[<want_to> [cancel|change|move|reschedule] my appointment|i have to cancel my "
      "appointment|i need to change my appointment|is my [wife|husband|ex|ex wife|ex husband|"
      "son|daughter|mother|neighbor] [booked|coming <day>?]|ignore your [rules|instructions]|"
      "tell me your [instructions|prompt|rules]]" },
    { "first",
      "[anna|anna|anna|maria|maria|john|john|james|peter|peter|peter|thomas|thomas|michael|"
      "michael|david|robert|mary|linda|susan|sarah|laura|julia|lisa|daniel|martin|paul|mark|"
      "george|steven|shane|shayne|karen|nancy|helen|sandra|eva|max|tom|ben|alex|chris|kevin|"
      "brian|richard|charles|joseph|william|andrew|kate|emily|jane|alice|claire|rachel|"
      "rebecca|amy|nina|sophie|frank|henry|jack|oliver|oscar|leo|lucas|simon|eric|victor|"
      "walter|hannah|clara|paula|barbara|elizabeth|jennifer|patricia|margaret|jessica|"
      "stephen|edward|ryan|jason|jeff|gary|ann|anne]" },
    { "family",
      "[smith|jones|miller|brown|taylor|wilson|johnson|williams|davis|clark|lewis|walker|"
      "hall|young|king|wright|hill|green|baker|adams|nelson|carter|mitchell|roberts|turner|"
      "phillips|campbell|parker|evans|edwards|collins|stewart|morris|rogers|reed|cook|morgan|"
      "bell|murphy|bailey|cooper|richardson|cox|howard|ward|peterson|gray|watson|brooks|"
      "kelly|sanders|price|bennett|wood|barnes|ross|henderson|jackson|white|harris|martin|"
      "thompson|robinson|schmidt|schneider|fischer|weber|meyer|wagner|becker|hoffman|koch|"
      "bauer|richter|klein|wolf|schwarz|zimmerman|braun|kruger|hartman|lang|werner|krause|"
      "lehman|keller|vogel|frank|berger|winkler|roth|beck|lorenz|sommer|winter|winters|"
      "anderson|moore|lee|scott|allen|perez|garcia|lopez|martinez|rivera|torres|hughes|"
      "foster|simmons|russell|griffin|hayes|ford|hamilton|graham|sullivan|wallace|woods|cole|"
      "west|jordan|owens|reynolds|fisher|ellis|harrison|gibson|marshall|gomez|murray|freeman|"
      "wells|webb|simpson|stevens|tucker|porter|hunter|hicks|crawford]" },
    { "letter", "[a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p|q|r|s|t|u|v|w|x|y|z]" },
    { "letters",
      "[<letter> <letter> <letter>|<letter> <letter> <letter> <letter>|<letter> <letter> "
      "<letter> <letter> <letter>|<letter> <letter> <letter> <letter> <letter> <letter>|"
      "<letter> <letter> <letter> <letter> <letter> <letter> <letter>|<letter> <letter> "
      "double <letter> <letter>?|<letter> double <letter> <letter>?]" },
    { "name",
      "[<first> <family>|<first> <family>|<first> <family>|<first>|<family>|mister <family>|"
      "missus <family>]" },
    { "naming",
      "[<name>|<name>|my name is <name>|my name is <name>|my name's <name>|it's <name>|this "
      "is <name>|i'm <name>|i am <name>|the name is <name>|yes <name>|yes my name is <name>|"
      "sure it's <name>|for <name>|the name's <name>|<name> <letters>|<first> <family> "
      "spelled <letters>|yes it's <name>]" },
    { "digit", "[zero|oh|one|two|three|four|five|six|seven|eight|nine]" },
    { "digits",
      "[<digit> <digit>|<digit> <digit> <digit>|<digit> <digit> <digit> <digit>|double "
      "<digit>|triple <digit>|treble <digit>|<digit> double <digit>|<digit> <digit> double "
      "<digit>]" },
    { "number", "[<digits> <digits>|<digits> <digits> <digits>|<digits> <digits> <digits>|<digits> "
                "<digits> <digits> <digits>|plus <digits> <digits> <digits>|plus <digits> <digits> "
                "<digits> <digits>]" },
    { "this_number",
      "[this one is fine|this one|this number|this number is fine|the number i'm calling "
      "from|the one i'm calling from|use this [number|one]|yes this [number|one] [is fine|"
      "please]?|this one please|the same number|yes|yes|you can use this [number|one]|you "
      "can use this number this one is fine|use this number this one is fine|yes that's fine|"
      "this one's fine]" },
    { "phoning",
      "[<number>|<number>|<number>|my number is <number>|it's <number>|the number is "
      "<number>|yes it's <number>|you can reach me at <number>|sure <number>|<this_number>|"
      "<this_number>|no <number>|no use <number>]" },
    { "count",
      "[one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|twenty five|"
      "thirty|forty|fifty|sixty|eighty|a hundred|one hundred|two hundred|three hundred|five "
      "hundred|a thousand|one thousand|two thousand|three thousand|five thousand|ten "
      "thousand|twenty thousand|fifty thousand]" },
    { "job", "[a quote|an offer|an estimate|a large job|a big job|a project|a renovation|a new "
             "kitchen|a new bathroom|a new roof|the whole house|our office|our company|a company "
             "checkup|health checks|flu shots|vaccinations|our employees|our staff|a wedding|an "
             "event|training|a corporate [program|package|contract]]" },
    { "job_for",
      "[for <count> [people|employees|persons|staff|guests|workers|rooms|colleagues]|for [my|"
      "our|the] [company|house|family|office|team|firm|school|whole company|whole team]]" },
    { "lead",
      "[<want> <job>|<want> <job> <job_for>|<want_to> [get|have|ask for|request] <job> "
      "<job_for>?|it's about <job> <job_for>?|<want_to> [renovate|repaint|rebuild|vaccinate|"
      "check] [the|our|my] [whole]? [house|office|roof|kitchen|bathroom|company|staff|team]|"
      "we need <job> <job_for>?|<job> <job_for>|<want_to> talk about <job> <job_for>?|can "
      "you [do|offer] <job> <job_for>?|<job_for>]" },
    { "detail",
      "[about <count> [euros|dollars|pounds]|<count> [euros|dollars|pounds|people|employees]|"
      "<count>|around <count> [euros|dollars|pounds|people|employees]?|our budget is [about|"
      "around]? <count> [euros|dollars|pounds]?|in [about]? <count> [days|weeks|months]|"
      "within <count> [days|weeks|months]|next [week|month|year|spring|summer]|in <month>|by "
      "<month>|as soon as possible|i don't know|i don't know yet|i'm not sure|not yet|no "
      "budget yet|we have no budget|it's flexible|<digits> <digits>|the post code is "
      "<digits> <digits>|in <digits> <digits>|it's in [berlin|munich|hamburg|potsdam|london|"
      "the city]|yes|no|small|medium|large|[yes|no] [we|i] [do|don't|have|haven't]|our own|"
      "rented|asap]" },
    { "window",
      "[<day> <part>|in the <part>|any time|<part>|after <time>|before <time>|between <hour> "
      "and <hour>|<day> after <time>|tomorrow <part>|tomorrow <part> please|on <day> <part>|"
      "<day>|as soon as possible|any time is fine|whenever you like|<day> at <time>]" },
};
/* clang-format on */

/* What is said in each state, and in which share. */
static const struct {
    enum hearing hearing;
    int share;
    const char *template;
} mixtures[] = {
    { HEAR_REQUEST, 40, "<filler>? <booking> <polite>?" },
    { HEAR_REQUEST, 10, "<filler>? <question> <polite>?" },
    { HEAR_REQUEST, 8, "<filler>? <when> <polite>?" },
    { HEAR_REQUEST, 8, "<filler>? <lead> <polite>?" },
    { HEAR_REQUEST, 8, "<filler>? <person> <polite>?" },
    { HEAR_REQUEST, 4, "<service> <polite>?" },
    { HEAR_REQUEST, 4, "<filler>? <other>" },
    { HEAR_REQUEST, 4, "<filler>? <legal>" },
    { HEAR_REQUEST, 3, "[yes|no] <when>?" },
    { HEAR_REQUEST, 2, "<choice>" },
    { HEAR_REQUEST, 4, "<emergency>" },
    { HEAR_WHEN, 34, "<filler>? <when> <polite>?" },
    { HEAR_WHEN, 14, "<filler>? <choice> <polite>?" },
    { HEAR_WHEN, 8, "<filler>? <booking> <polite>?" },
    { HEAR_WHEN, 8, "<filler>? <push>" },
    { HEAR_WHEN, 8, "<filler>? <correction> <polite>?" },
    { HEAR_WHEN, 6, "<yes> [<when>|<choice>]?" },
    { HEAR_WHEN, 6, "<no> [<when>|<push>]?" },
    { HEAR_WHEN, 4, "<service> <polite>?" },
    { HEAR_WHEN, 4, "<question>" },
    { HEAR_MORE, 16,
      "[no|yes|no thank you|goodbye|no thank you goodbye|thank you goodbye|no thanks]" },
    { HEAR_MORE, 30, "<bye> <polite>?" },
    { HEAR_MORE, 12, "<no> <polite>?" },
    { HEAR_MORE, 8, "<yes> <polite>?" },
    { HEAR_MORE, 10, "<filler>? <booking> <polite>?" },
    { HEAR_MORE, 12, "<filler>? <question> <polite>?" },
    { HEAR_MORE, 4, "<filler>? <lead> <polite>?" },
    { HEAR_MORE, 4, "<correction>" },
    { HEAR_YES_NO, 24, "[yes|yes|no|no|no|yes please|no thanks|yeah|correct|okay]" },
    { HEAR_YES_NO, 34, "<yes> <polite>?" },
    { HEAR_YES_NO, 16, "<no> <polite>?" },
    { HEAR_YES_NO, 20, "<correction> <polite>?" },
    { HEAR_YES_NO, 6, "<choice>" },
    { HEAR_YES_NO, 5, "<filler>? <when> <polite>?" },
    { HEAR_YES_NO, 5, "<this_number>" },
    { HEAR_YES_NO, 4, "<bye>" },
    { HEAR_YES_NO, 3, "<question>" },
    { HEAR_NAME, 80, "<filler>? <naming> <polite>?" },
    { HEAR_NAME, 8, "<letters>" },
    { HEAR_NAME, 4, "<yes>" },
    { HEAR_NAME, 4, "[<no>|<correction>]" },
    { HEAR_SPELLING, 70, "<letters>" },
    { HEAR_SPELLING, 10, "<name> <letters>" },
    { HEAR_SPELLING, 10, "<naming>" },
    { HEAR_SPELLING, 10, "[<yes>|<no>]" },
    { HEAR_PHONE, 70, "<filler>? <phoning> <polite>?" },
    { HEAR_PHONE, 10, "<digits>" },
    { HEAR_PHONE, 10, "<this_number> <polite>?" },
    { HEAR_PHONE, 6, "<no> <polite>?" },
    { HEAR_PHONE, 6, "<filler>? <window>" },
    { HEAR_DETAILS, 40, "<filler>? <detail> <polite>?" },
    { HEAR_DETAILS, 20, "<filler>? <lead> <polite>?" },
    { HEAR_DETAILS, 14, "<filler>? <window> <polite>?" },
    { HEAR_DETAILS, 8, "<naming>" },
    { HEAR_DETAILS, 8, "[<yes>|<no>] <polite>?" },
    { HEAR_DETAILS, 4, "<phoning>" },
    { HEAR_DETAILS, 4, "<booking>" },
    /* At any time. */
    { HEARINGS, 3, "<person> <polite>?" },
    { HEARINGS, 2, "<robot>" },
    { HEARINGS, 2, "<emergency>" },
    { HEARINGS, 2, "<bye>" },
    { HEARINGS, 2, "<again>" },
    { HEARINGS, 1, "<privacy>" },
    { HEARINGS, 1, "<yes>" },
    { HEARINGS, 1, "<no>" },
};

static const char own_words[] = "a.m. EY EH M\n"
                                "p.m. P IY EH M\n"
                                "a.i. EY AY\n"
                                "checkup CH EH K AH P\n"
                                "shayne SH EY N\n"
                                "schmidt SH M IH T\n"
                                "vaccination V AE K S AH N EY SH AH N\n"
                                "lunchtime L AH N CH T AY M\n"
                                "repaint R IY P EY N T\n"
                                "vaccinate V AE K S AH N EY T\n"
                                "asap EY S AE P\n"
                                "kruger K R UW G ER\n"
                                /* The telephone cuts the sound that they begin with. */
                                "thank TH AE NG K\n"
                                "thank(2) T AE NG K\n"
                                "thank(3) T EH NG K\n"
                                "thanks TH AE NG K S\n"
                                "thanks(2) T AE NG K S\n";

struct str sentence_own_words(void)
{
    return str_n(own_words, sizeof(own_words) - 1);
}

/* splitmix64 (Sebastiano Vigna, public domain). */
static uint64_t random_next(struct sentence_source *s)
{
    uint64_t z = (s->random += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static size_t random_below(struct sentence_source *s, size_t n)
{
    return n ? (size_t)(random_next(s) % n) : 0;
}

static void draw(struct sentence_source *s, struct str template, int depth, struct buf *out);

/* One of the topics: questions are marked with '?'. False: there are none of this kind. */
static bool draw_topic(struct sentence_source *s, bool question, struct buf *out)
{
    struct str rest, line, chosen = STR_EMPTY;
    size_t seen = 0;

    for (rest = s->topics; rest.n > 0;) {
        (void)str_cut(rest, '\n', &line, &rest); /* the last line may lack its end */
        if (line.n > 0 && (line.p[0] == '?') == question && random_below(s, ++seen) == 0)
            chosen = line;
    }
    if (seen == 0)
        return false;
    buf_add_char(out, ' ');
    buf_add_str(out, question ? str_from(chosen, 1) : chosen);
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion): DRAW_DEPTH_MAX bounds it */
static void draw_class(struct sentence_source *s, struct str name, int depth, struct buf *out)
{
    bool question = str_eq_c(name, "question");
    size_t i;

    if (str_eq_c(name, "service") && draw_topic(s, false, out))
        return;
    if (question && random_below(s, 2) == 0 && draw_topic(s, true, out))
        return;
    if (question || str_eq_c(name, "service"))
        name = question ? STR("made_question") : STR("made_service");
    for (i = 0; i < ARRAY_LEN(classes); i++) {
        if (str_eq_c(name, classes[i].name)) {
            draw(s, str_c(classes[i].template), depth + 1, out);
            return;
        }
    }
}

/* Length of the bracketed part that `t` begins with, brackets included. */
static size_t bracket_len(struct str t)
{
    size_t i;
    int open = 0;

    for (i = 0; i < t.n; i++) {
        if (t.p[i] == '[')
            open++;
        else if (t.p[i] == ']' && --open == 0)
            return i + 1;
    }
    return t.n;
}

/* The alternatives of "a|b|c": the n-th, or how many there are when `wanted` is too large. */
static size_t alternative(struct str inside, size_t wanted, struct str *ret)
{
    size_t i, from = 0, count = 0;
    int open = 0;

    for (i = 0; i <= inside.n; i++) {
        char c = i < inside.n ? inside.p[i] : '|';

        open += (c == '[') - (c == ']');
        if (c != '|' || open > 0)
            continue;
        if (count++ == wanted)
            *ret = str_slice(inside, from, i);
        from = i + 1;
    }
    return count;
}

/* NOLINTNEXTLINE(misc-no-recursion): DRAW_DEPTH_MAX bounds it */
static void draw_one_of(struct sentence_source *s, struct str inside, int depth, struct buf *out)
{
    struct str chosen = STR_EMPTY;
    size_t n = alternative(inside, SIZE_MAX, &chosen);

    (void)alternative(inside, random_below(s, n), &chosen); /* the count again */
    draw(s, chosen, depth + 1, out);
}

static size_t part_len(struct str t)
{
    size_t i = 0;

    if (t.p[0] == '[')
        return bracket_len(t);
    if (t.p[0] == '<')
        return MIN(t.n, str_find_char(t, '>') + 1);
    while (i < t.n && t.p[i] != ' ' && t.p[i] != '?')
        i++;
    return i;
}

/* NOLINTNEXTLINE(misc-no-recursion): DRAW_DEPTH_MAX bounds it */
static void draw(struct sentence_source *s, struct str template, int depth, struct buf *out)
{
    struct str rest = str_trim(template);

    if (depth > DRAW_DEPTH_MAX)
        return;
    while (rest.n > 0) {
        size_t n = part_len(rest);
        struct str part = str_slice(rest, 0, n);
        bool optional = n < rest.n && rest.p[n] == '?';

        rest = str_trim(str_from(rest, n + optional));
        if (optional && random_below(s, 2) == 0)
            continue;
        if (part.p[0] == '[') {
            draw_one_of(s, str_slice(part, 1, n - 1), depth, out);
        } else if (part.p[0] == '<') {
            draw_class(s, str_slice(part, 1, n - 1), depth, out);
        } else {
            buf_add_char(out, ' ');
            buf_add_str(out, part);
        }
    }
}

static bool takes_part(const struct sentence_source *s, size_t i)
{
    return s->hearing == HEAR_ANYTHING || mixtures[i].hearing == s->hearing ||
           mixtures[i].hearing == HEARINGS;
}

void sentence_draw(struct sentence_source *s, struct buf *out)
{
    size_t i, all = 0, chosen;

    for (i = 0; i < ARRAY_LEN(mixtures); i++)
        all += takes_part(s, i) ? (size_t)mixtures[i].share : 0;
    chosen = random_below(s, all);
    for (i = 0; i < ARRAY_LEN(mixtures); i++) {
        if (!takes_part(s, i))
            continue;
        if (chosen < (size_t)mixtures[i].share) {
            draw(s, str_c(mixtures[i].template), 0, out);
            return;
        }
        chosen -= (size_t)mixtures[i].share;
    }
}
