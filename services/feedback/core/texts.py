"""What the customer reads, in their language: the message with the link, and the survey's page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Texts:
    """All wording in one language. `message` has a place for `{link}`; `choices` go from 1 to 5."""

    language: str
    direction: str
    message: str
    title: str
    question: str
    choices: tuple[str, str, str, str, str]
    comment: str
    submit: str
    thanks: str
    gone: str
    incomplete: str
    busy: str


def texts_for(language: str) -> Texts:
    """The wording for a BCP 47 tag such as `pt-BR`, by its primary language; else English."""
    primary = language.replace("_", "-").split("-", 1)[0].lower()
    return _TEXTS.get(primary, ENGLISH)


ENGLISH = Texts(
    language="en",
    direction="ltr",
    message="How did we do? Tell us here: {link}",
    title="Your feedback",
    question="How satisfied are you with our service?",
    choices=("Very dissatisfied", "Dissatisfied", "Neutral", "Satisfied", "Very satisfied"),
    comment="Would you like to tell us more? (optional)",
    submit="Send",
    thanks="Thank you for your answer.",
    gone="This link is not valid, or no longer valid.",
    incomplete="Please choose one of the five answers; a comment may have 2,000 characters.",
    busy="We could not save your answer just now. Please try again in a moment.",
)

_TEXTS = {
    "en": ENGLISH,
    "de": Texts(
        language="de",
        direction="ltr",
        message="Wie zufrieden sind Sie mit uns? Sagen Sie es uns hier: {link}",
        title="Ihre Rückmeldung",
        question="Wie zufrieden sind Sie mit unserem Service?",
        choices=("Sehr unzufrieden", "Unzufrieden", "Neutral", "Zufrieden", "Sehr zufrieden"),
        comment="Möchten Sie uns mehr dazu sagen? (freiwillig)",
        submit="Absenden",
        thanks="Vielen Dank für Ihre Antwort.",
        gone="Dieser Link ist nicht oder nicht mehr gültig.",
        incomplete="Bitte wählen Sie eine der fünf Antworten; ein Kommentar: bis 2.000 Zeichen.",
        busy="Ihre Antwort ließ sich nicht speichern. Bitte versuchen Sie es gleich noch einmal.",
    ),
    "fr": Texts(
        language="fr",
        direction="ltr",
        message="Êtes-vous satisfait de notre service ? Dites-le-nous ici : {link}",
        title="Votre avis",
        question="Êtes-vous satisfait de notre service ?",
        choices=("Très insatisfait", "Insatisfait", "Neutre", "Satisfait", "Très satisfait"),
        comment="Souhaitez-vous nous en dire plus ? (facultatif)",
        submit="Envoyer",
        thanks="Merci pour votre réponse.",
        gone="Ce lien n’est pas ou n’est plus valable.",
        incomplete="Veuillez choisir l’une des réponses ; commentaire : 2 000 caractères au plus.",
        busy="Votre réponse n’a pas pu être enregistrée. Veuillez réessayer dans un instant.",
    ),
    "es": Texts(
        language="es",
        direction="ltr",
        message="¿Qué le ha parecido nuestro servicio? Díganoslo aquí: {link}",
        title="Su opinión",
        question="¿Qué tan satisfecho está con nuestro servicio?",
        choices=("Muy insatisfecho", "Insatisfecho", "Neutral", "Satisfecho", "Muy satisfecho"),
        comment="¿Desea contarnos algo más? (opcional)",
        submit="Enviar",
        thanks="Gracias por su respuesta.",
        gone="Este enlace no es válido o ya no lo es.",
        incomplete="Elija una de las cinco respuestas; un comentario puede tener 2000 caracteres.",
        busy="No hemos podido guardar su respuesta. Inténtelo de nuevo en un momento.",
    ),
    "it": Texts(
        language="it",
        direction="ltr",
        message="Com’è andata? Ce lo dica qui: {link}",
        title="La sua opinione",
        question="Quanto è soddisfatto del nostro servizio?",
        choices=(
            "Molto insoddisfatto",
            "Insoddisfatto",
            "Neutrale",
            "Soddisfatto",
            "Molto soddisfatto",
        ),
        comment="Desidera aggiungere qualcosa? (facoltativo)",
        submit="Invia",
        thanks="Grazie per la sua risposta.",
        gone="Questo link non è valido o non lo è più.",
        incomplete="Scelga una delle cinque risposte; un commento può avere 2.000 caratteri.",
        busy="Non è stato possibile salvare la sua risposta. Riprovi tra un momento.",
    ),
    "pt": Texts(
        language="pt",
        direction="ltr",
        message="Como foi o nosso atendimento? Conte-nos aqui: {link}",
        title="A sua opinião",
        question="Qual é o seu grau de satisfação com o nosso atendimento?",
        choices=("Muito insatisfeito", "Insatisfeito", "Neutro", "Satisfeito", "Muito satisfeito"),
        comment="Gostaria de nos contar mais? (opcional)",
        submit="Enviar",
        thanks="Obrigado pela sua resposta.",
        gone="Este link não é válido ou já não é válido.",
        incomplete="Escolha uma das cinco respostas; um comentário pode ter 2000 caracteres.",
        busy="Não foi possível guardar a sua resposta. Tente novamente dentro de momentos.",
    ),
    "nl": Texts(
        language="nl",
        direction="ltr",
        message="Hoe hebben we het gedaan? Laat het ons hier weten: {link}",
        title="Uw mening",
        question="Hoe tevreden bent u over onze service?",
        choices=("Zeer ontevreden", "Ontevreden", "Neutraal", "Tevreden", "Zeer tevreden"),
        comment="Wilt u ons meer vertellen? (optioneel)",
        submit="Versturen",
        thanks="Bedankt voor uw antwoord.",
        gone="Deze link is niet of niet meer geldig.",
        incomplete="Kies een van de vijf antwoorden; een opmerking mag 2.000 tekens hebben.",
        busy="Uw antwoord kon niet worden opgeslagen. Probeer het zo meteen nog eens.",
    ),
    "ja": Texts(
        language="ja",
        direction="ltr",
        message="対応はいかがでしたか。こちらからお聞かせください: {link}",
        title="アンケート",
        question="当社の対応にどの程度満足されましたか。",
        choices=("とても不満", "不満", "どちらでもない", "満足", "とても満足"),
        comment="ご意見があればお聞かせください(任意)",
        submit="送信",
        thanks="ご回答ありがとうございました。",
        gone="このリンクは無効か、有効期限が切れています。",
        incomplete="五つの回答から一つをお選びください。コメントは2,000文字までです。",
        busy="ただいま回答を保存できませんでした。しばらくしてからもう一度お試しください。",
    ),
    "ar": Texts(
        language="ar",
        direction="rtl",
        message="كيف كانت خدمتنا؟ أخبرنا هنا: {link}",
        title="رأيك",
        question="ما مدى رضاك عن خدمتنا؟",
        choices=("غير راضٍ تمامًا", "غير راضٍ", "محايد", "راضٍ", "راضٍ جدًا"),
        comment="هل تود أن تخبرنا بالمزيد؟ (اختياري)",
        submit="إرسال",
        thanks="شكرًا على إجابتك.",
        gone="هذا الرابط غير صالح أو لم يعد صالحًا.",
        incomplete="يرجى اختيار إحدى الإجابات الخمس؛ يمكن أن يحتوي التعليق على 2000 حرف.",
        busy="لم نتمكن من حفظ إجابتك الآن. يرجى المحاولة مرة أخرى بعد لحظات.",
    ),
}
"""By primary language tag."""
