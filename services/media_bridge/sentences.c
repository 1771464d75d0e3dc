#include "media_bridge/sentences.h"

#include "concierge/profile.h"

static const struct sentences table[] = {
    { .language = "en",
      .failed = "I am sorry, something went wrong on my side. Could you say that again, please?",
      .interrupted = "I am sorry, I was gone for a moment.",
      .still_there = "Are you still there?",
      .one_moment = "One moment, please, this takes a little longer.",
      .silence = "I cannot hear anybody, so I am going to hang up. Please call again. Goodbye.",
      .time_short = "Just so you know, we have only a little time left on this call.",
      .time_limit =
          "I am sorry, we have reached the longest time for a call. Please call again. Goodbye." },
    { .language = "de",
      .failed = "Entschuldigung, da ist bei mir etwas schiefgegangen. Können Sie das bitte noch "
                "einmal sagen?",
      .interrupted = "Entschuldigung, ich war kurz weg.",
      .still_there = "Sind Sie noch da?",
      .one_moment = "Einen Moment bitte, das dauert etwas länger.",
      .silence =
          "Ich höre niemanden und lege jetzt auf. Rufen Sie gern wieder an. Auf Wiederhören.",
      .time_short = "Nur zur Information: Wir haben für dieses Gespräch nicht mehr viel Zeit.",
      .time_limit = "Entschuldigung, wir haben die längste Gesprächsdauer erreicht. Rufen Sie gern "
                    "wieder an. "
                    "Auf Wiederhören." },
    { .language = "fr",
      .failed =
          "Excusez-moi, il y a eu un problème de mon côté. Pouvez-vous répéter, s'il vous plaît ?",
      .interrupted = "Excusez-moi, j'ai été coupée un instant.",
      .still_there = "Êtes-vous toujours là ?",
      .one_moment = "Un instant, s'il vous plaît, cela prend un peu plus de temps.",
      .silence = "Je n'entends personne, je vais raccrocher. N'hésitez pas à rappeler. Au revoir.",
      .time_short = "Je vous signale qu'il nous reste peu de temps pour cet appel.",
      .time_limit = "Excusez-moi, nous avons atteint la durée maximale. N'hésitez pas à rappeler. "
                    "Au revoir." },
    { .language = "es",
      .failed = "Perdone, algo ha fallado por mi parte. ¿Puede repetirlo, por favor?",
      .interrupted = "Perdone, me he cortado un momento.",
      .still_there = "¿Sigue ahí?",
      .one_moment = "Un momento, por favor, esto tarda un poco más.",
      .silence = "No oigo a nadie, así que voy a colgar. Vuelva a llamar cuando quiera. Adiós.",
      .time_short = "Le aviso de que nos queda poco tiempo para esta llamada.",
      .time_limit =
          "Perdone, hemos llegado a la duración máxima. Vuelva a llamar cuando quiera. Adiós." },
};

const struct sentences *sentences_for(const struct profile *p)
{
    size_t k;

    for (k = 0; p->n_languages && k < ARRAY_LEN(table); k++) {
        if (str_ieq_c(str_slice(p->languages[0], 0, 2), table[k].language))
            return &table[k];
    }
    return &table[0];
}
