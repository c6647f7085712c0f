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
  attach: string;
  files: string;
  remove: (name: string) => string;
  attached: (name: string) => string;
  tooLarge: (name: string, most: number) => string;
  wrongKind: (name: string) => string;
  notAttached: (name: string) => string;
  tooMany: (count: number) => string;
  wait: string;
  filesGone: string;
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
  attach: "Attach files",
  files: "Attached files",
  remove: (name) => `Remove ${name}`,
  attached: (name) => `${name} is attached.`,
  tooLarge: (name, most) => `${name} is too large: at most ${most} MB.`,
  wrongKind: (name) => `${name} is not of a kind that can be sent.`,
  notAttached: (name) => `${name} could not be attached.`,
  tooMany: (count) => `At most ${count} files go with a message.`,
  wait: "Please wait until the files are attached.",
  filesGone: "Not sent: its files are gone. Please attach them again.",
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
  attach: "Dateien anhängen",
  files: "Angehängte Dateien",
  remove: (name) => `${name} entfernen`,
  attached: (name) => `${name} ist angehängt.`,
  tooLarge: (name, most) => `${name} ist zu groß: höchstens ${most} MB.`,
  wrongKind: (name) => `${name} ist von einer Art, die nicht gesendet werden kann.`,
  notAttached: (name) => `${name} konnte nicht angehängt werden.`,
  tooMany: (count) => `Höchstens ${count} Dateien pro Nachricht.`,
  wait: "Bitte warten Sie, bis die Dateien angehängt sind.",
  filesGone: "Nicht gesendet: Die Dateien fehlen. Bitte hängen Sie sie neu an.",
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
  attach: "Adjuntar archivos",
  files: "Archivos adjuntos",
  remove: (name) => `Quitar ${name}`,
  attached: (name) => `${name} está adjunto.`,
  tooLarge: (name, most) => `${name} es demasiado grande: como máximo ${most} MB.`,
  wrongKind: (name) => `${name} es de un tipo que no se puede enviar.`,
  notAttached: (name) => `No se pudo adjuntar ${name}.`,
  tooMany: (count) => `Como máximo ${count} archivos por mensaje.`,
  wait: "Espere a que los archivos estén adjuntos.",
  filesGone: "No enviado: faltan los archivos. Adjúntelos de nuevo.",
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
  attach: "Joindre des fichiers",
  files: "Fichiers joints",
  remove: (name) => `Retirer ${name}`,
  attached: (name) => `${name} est joint.`,
  tooLarge: (name, most) => `${name} est trop volumineux : ${most} Mo au maximum.`,
  wrongKind: (name) => `${name} est d’un type qui ne peut pas être envoyé.`,
  notAttached: (name) => `${name} n’a pas pu être joint.`,
  tooMany: (count) => `${count} fichiers au maximum par message.`,
  wait: "Veuillez attendre que les fichiers soient joints.",
  filesGone: "Non envoyé : les fichiers manquent. Veuillez les joindre à nouveau.",
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
  attach: "Bifoga filer",
  files: "Bifogade filer",
  remove: (name) => `Ta bort ${name}`,
  attached: (name) => `${name} är bifogad.`,
  tooLarge: (name, most) => `${name} är för stor: högst ${most} MB.`,
  wrongKind: (name) => `${name} är av en typ som inte kan skickas.`,
  notAttached: (name) => `${name} kunde inte bifogas.`,
  tooMany: (count) => `Högst ${count} filer per meddelande.`,
  wait: "Vänta tills filerna är bifogade.",
  filesGone: "Inte skickat: filerna finns inte kvar. Bifoga dem igen.",
};

const ALL: Record<string, Words> = { en, de, es, fr, sv };

/** The words for a language tag such as `de-AT`, and the tag that they are in. */
export function wordsFor(language: string): [Words, string] {
  const wanted = language.toLowerCase().split("-")[0] ?? "";
  const words = ALL[wanted];
  return words ? [words, wanted] : [en, "en"];
}
