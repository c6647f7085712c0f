// What the widget says, in the visitor's language where we have it.

export interface Words {
  title: string;
  open: string;
  close: string;
  greeting: string;
  message: string;
  send: string;
  messages: string;
  earlier: string;
  agent: string;
  you: string;
  system: string;
  sending: string;
  sent: string;
  failed: string;
  edit: string;
  connecting: string;
  offline: string;
  refused: string;
  unread: (count: number) => string;
}

const en: Words = {
  title: "Chat with us",
  open: "Open chat",
  close: "Close chat",
  greeting: "How can we help?",
  message: "Your message",
  send: "Send",
  messages: "Messages",
  earlier: "Earlier messages",
  agent: "Agent",
  you: "You",
  system: "Notice",
  sending: "Sending…",
  sent: "Sent",
  failed: "Not sent",
  edit: "Edit and send again",
  connecting: "Connecting…",
  offline: "You are offline. What you write is sent as soon as you are back.",
  refused: "The chat is not available here right now. Reloading the page may help.",
  unread: (count) => (count === 1 ? "1 new message" : `${count} new messages`),
};

const de: Words = {
  title: "Chatten Sie mit uns",
  open: "Chat öffnen",
  close: "Chat schließen",
  greeting: "Wie können wir helfen?",
  message: "Ihre Nachricht",
  send: "Senden",
  messages: "Nachrichten",
  earlier: "Frühere Nachrichten",
  agent: "Support",
  you: "Sie",
  system: "Hinweis",
  sending: "Wird gesendet …",
  sent: "Gesendet",
  failed: "Nicht gesendet",
  edit: "Ändern und neu senden",
  connecting: "Verbindung wird hergestellt …",
  offline: "Sie sind offline. Was Sie schreiben, wird gesendet, sobald Sie wieder online sind.",
  refused: "Der Chat ist hier gerade nicht verfügbar. Vielleicht hilft es, die Seite neu zu laden.",
  unread: (count) => (count === 1 ? "1 neue Nachricht" : `${count} neue Nachrichten`),
};

const es: Words = {
  title: "Chatee con nosotros",
  open: "Abrir el chat",
  close: "Cerrar el chat",
  greeting: "¿En qué podemos ayudarle?",
  message: "Su mensaje",
  send: "Enviar",
  messages: "Mensajes",
  earlier: "Mensajes anteriores",
  agent: "Agente",
  you: "Usted",
  system: "Aviso",
  sending: "Enviando…",
  sent: "Enviado",
  failed: "No enviado",
  edit: "Editar y volver a enviar",
  connecting: "Conectando…",
  offline: "Está sin conexión. Lo que escriba se enviará en cuanto vuelva a estar en línea.",
  refused: "El chat no está disponible aquí en este momento. Quizá ayude recargar la página.",
  unread: (count) => (count === 1 ? "1 mensaje nuevo" : `${count} mensajes nuevos`),
};

const fr: Words = {
  title: "Discutez avec nous",
  open: "Ouvrir la discussion",
  close: "Fermer la discussion",
  greeting: "Comment pouvons-nous vous aider ?",
  message: "Votre message",
  send: "Envoyer",
  messages: "Messages",
  earlier: "Messages précédents",
  agent: "Conseiller",
  you: "Vous",
  system: "Information",
  sending: "Envoi…",
  sent: "Envoyé",
  failed: "Non envoyé",
  edit: "Modifier et renvoyer",
  connecting: "Connexion…",
  offline: "Vous êtes hors ligne. Vos messages seront envoyés dès votre retour en ligne.",
  refused: "La discussion n’est pas disponible ici pour le moment. Recharger la page peut aider.",
  unread: (count) => (count === 1 ? "1 nouveau message" : `${count} nouveaux messages`),
};

const sv: Words = {
  title: "Chatta med oss",
  open: "Öppna chatten",
  close: "Stäng chatten",
  greeting: "Hur kan vi hjälpa till?",
  message: "Ditt meddelande",
  send: "Skicka",
  messages: "Meddelanden",
  earlier: "Tidigare meddelanden",
  agent: "Kundtjänst",
  you: "Du",
  system: "Meddelande",
  sending: "Skickar…",
  sent: "Skickat",
  failed: "Inte skickat",
  edit: "Ändra och skicka igen",
  connecting: "Ansluter…",
  offline: "Du är offline. Det du skriver skickas så snart du är tillbaka.",
  refused: "Chatten är inte tillgänglig här just nu. Det kan hjälpa att ladda om sidan.",
  unread: (count) => (count === 1 ? "1 nytt meddelande" : `${count} nya meddelanden`),
};

const ALL: Record<string, Words> = { en, de, es, fr, sv };

/** The words for a language tag such as `de-AT`, and the tag that they are in. */
export function wordsFor(language: string): [Words, string] {
  const wanted = language.toLowerCase().split("-")[0] ?? "";
  const words = ALL[wanted];
  return words ? [words, wanted] : [en, "en"];
}
