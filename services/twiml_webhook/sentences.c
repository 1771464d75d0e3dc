#include "twiml_webhook/sentences.h"

#include "concierge/profile.h"

static const struct sentences table[] = {
    { .language = "en-US",
      .lost_dial =
          "I am sorry, we have a technical problem here. I am calling a colleague for you now.",
      .lost_record =
          "I am sorry, we have a technical problem here. After the tone, please say your "
          "name, your number and what you need, and we will call you back.",
      .no_answer = "I am sorry, nobody could take your call just now.",
      .no_answer_record =
          "I am sorry, nobody could take your call just now. After the tone, please say "
          "your name, your number and what you need, and we will call you back.",
      .message_taken = "Thank you. We have your message and will call you back. Goodbye.",
      .no_message = "I did not hear a message. Please call us again. Goodbye." },
    { .language = "de-DE",
      .lost_dial =
          "Entschuldigung, wir haben hier gerade ein technisches Problem. Ich rufe jetzt eine "
          "Kollegin für Sie an.",
      .lost_record =
          "Entschuldigung, wir haben hier gerade ein technisches Problem. Bitte sagen Sie "
          "nach dem Ton Ihren Namen, Ihre Nummer und Ihr Anliegen, wir rufen Sie zurück.",
      .no_answer = "Entschuldigung, im Moment konnte niemand Ihren Anruf annehmen.",
      .no_answer_record =
          "Entschuldigung, im Moment konnte niemand Ihren Anruf annehmen. Bitte sagen Sie "
          "nach dem Ton Ihren Namen, Ihre Nummer und Ihr Anliegen, wir rufen Sie zurück.",
      .message_taken =
          "Vielen Dank. Wir haben Ihre Nachricht und rufen Sie zurück. Auf Wiederhören.",
      .no_message =
          "Ich habe keine Nachricht gehört. Bitte rufen Sie noch einmal an. Auf Wiederhören." },
    { .language = "fr-FR",
      .lost_dial =
          "Je suis désolée, nous avons un problème technique. J'appelle maintenant une personne "
          "de l'équipe pour vous.",
      .lost_record =
          "Je suis désolée, nous avons un problème technique. Après le bip, veuillez dire votre "
          "nom, votre numéro et votre demande, nous vous rappellerons.",
      .no_answer = "Je suis désolée, personne n'a pu prendre votre appel.",
      .no_answer_record =
          "Je suis désolée, personne n'a pu prendre votre appel. Après le bip, veuillez "
          "dire votre nom, votre numéro et votre demande, nous vous rappellerons.",
      .message_taken = "Merci. Nous avons votre message et nous vous rappellerons. Au revoir.",
      .no_message = "Je n'ai pas entendu de message. Veuillez rappeler. Au revoir." },
    { .language = "es-ES",
      .lost_dial = "Lo siento, tenemos un problema técnico. Llamo ahora a una persona del equipo.",
      .lost_record =
          "Lo siento, tenemos un problema técnico. Después de la señal, diga su nombre, su "
          "número y lo que necesita, y le devolveremos la llamada.",
      .no_answer = "Lo siento, nadie ha podido atender su llamada.",
      .no_answer_record =
          "Lo siento, nadie ha podido atender su llamada. Después de la señal, diga su "
          "nombre, su número y lo que necesita, y le devolveremos la llamada.",
      .message_taken = "Gracias. Tenemos su mensaje y le devolveremos la llamada. Adiós.",
      .no_message = "No he oído ningún mensaje. Llámenos otra vez, por favor. Adiós." },
};

const struct sentences *sentences_for(const struct profile *p)
{
    size_t i, k;

    for (i = 0; i < p->n_languages; i++) {
        struct str language = str_slice(p->languages[i], 0, 2);

        for (k = 0; k < ARRAY_LEN(table); k++) {
            if (str_ieq(language, str_slice(str_c(table[k].language), 0, 2)))
                return &table[k];
        }
    }
    return &table[0];
}
