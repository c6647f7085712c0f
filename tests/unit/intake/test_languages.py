"""What language customers write in: told where it can be, and of nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core.commands import Command
from services.intake.core.events import ConversationOpened, CustomerUpdated
from services.intake.core.evolve import evolve
from services.intake.core.model import Automatic, Dossier
from services.intake.shell import languages
from services.intake.shell.languages import CHARACTERS_MAX, detected, language_of
from services.intake.shell.wire import inputs
from tests.unit.intake.doors import account
from tests.unit.intake.given import CONVERSATION, after, events_of, inbound
from tests.unit.intake.test_wire import command

SAID = {
    "ar": ["أين طردي؟ كان يجب أن يصل أمس."],
    "cs": ["Kde je můj balík? Měl přijít včera."],
    "da": ["Hvor er min pakke? Den skulle være kommet i går."],
    "de": [
        "Wo ist mein Paket? Es sollte gestern kommen.",
        "Ich möchte meine Bestellung stornieren",
        "Guten Tag, ich kann mich nicht anmelden",
        "Meine Karte wurde zweimal belastet, Auftrag 4711-AB",
    ],
    "el": ["Πού είναι το δέμα μου; Έπρεπε να φτάσει χθες."],
    "en": [
        "Where is my parcel? It should have arrived yesterday.",
        "I want to cancel my order please",
        "MY CARD WAS CHARGED TWICE, CAN YOU HELP ME?",
        "Hi, I can't log in to my account https://shop.example/konto?sprache=de",
    ],
    "es": ["¿Dónde está mi paquete? Debía llegar ayer.", "Quiero cancelar mi pedido por favor"],
    "fi": ["Missä pakettini on? Sen piti tulla eilen."],
    "fr": ["Où est mon colis ? Il devait arriver hier.", "Bonjour, je n'arrive pas à me connecter"],
    "he": ["איפה החבילה שלי? היא הייתה צריכה להגיע אתמול."],
    "hi": ["मेरा पार्सल कहाँ है? कल आना चाहिए था।"],
    "hu": ["Hol van a csomagom? Tegnap kellett volna megérkeznie."],
    "it": ["Dov'è il mio pacco? Doveva arrivare ieri."],
    "ja": ["荷物はどこですか?昨日届くはずでした。", "注文4711はどこですか"],
    "ko": ["제 소포가 어디 있나요? 어제 도착했어야 해요."],
    "nl": ["Waar is mijn pakket? Het zou gisteren aankomen."],
    "pl": ["Gdzie jest moja paczka? Miała przyjść wczoraj."],
    "pt": ["Onde está a minha encomenda? Devia ter chegado ontem."],
    "ro": ["Unde este coletul meu? Trebuia să ajungă ieri."],
    "ru": ["Где моя посылка? Она должна была прийти вчера."],
    "sv": ["Var är mitt paket? Det skulle ha kommit igår."],
    "th": ["พัสดุของฉันอยู่ที่ไหน ควรจะมาถึงเมื่อวาน"],
    "tr": ["Paketim nerede? Dün gelmesi gerekiyordu."],
    "uk": ["Де моя посилка? Вона мала прийти вчора."],
    "vi": ["Gói hàng của tôi ở đâu? Lẽ ra nó phải đến hôm qua."],
    "zh": ["我的包裹在哪里？昨天就应该到了。"],
}
CASES = [(language, text) for language, texts in SAID.items() for text in texts]


@pytest.mark.parametrize(("language", "text"), CASES)
def test_a_sentence_tells_its_language(language: str, text: str) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "hi",
        "Ja",
        "merci",
        "👍👍👍",
        "12345 4711 0815",
        "ABC-4711",
        "https://example.org/where-is-my-parcel",
        "grete@example.org",
        "#whereismyparcel @support",
        "[image: cannot be shown]",
        "[voice message, 0:12]",
        "Grete Samsa",
        "\x00\ud7ff",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ],
)
def test_what_tells_no_language_is_in_none(text: str) -> None:
    assert language_of(text) == ""


@given(st.text(max_size=2_000))
def test_whatever_is_written_is_in_one_language_or_none(text: str) -> None:
    assert language_of(text) == language_of(text)
    assert len(language_of(text)) in {0, 2}


@pytest.mark.parametrize("text", ["a" * 99_999, "[" * 99_999, "@" * 99_999, "包" * 99_999])
def test_of_the_longest_text_a_page_is_looked_at(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def no_words(shown: str) -> list[str]:
        looked_at.append(shown)
        return []

    monkeypatch.setattr(languages, "_words", no_words)
    language_of(text)
    assert len(looked_at[0]) <= CHARACTERS_MAX


GERMAN = inbound(text="Wo ist mein Paket? Es sollte gestern kommen.")


def test_only_what_nobody_states_is_detected() -> None:
    silent = account(language="")
    assert detected(GERMAN, silent) == "de"
    assert detected(replace(GERMAN, language="fr"), silent) == ""
    refusing = account(language="", settings={"detect_language": "false"})
    assert detected(GERMAN, refusing) == ""


def test_what_was_detected_travels_with_its_message() -> None:
    said = inputs.received(GERMAN)
    said.inbound_message.detected_language = detected(GERMAN, account(language=""))
    assert command(said) == DETECTED


DETECTED = replace(GERMAN, detected_language="de")


def opened(dossier: Dossier, said: Command) -> str:
    events = [each for each in events_of(dossier, said) if isinstance(each, ConversationOpened)]
    return events[0].conversation.language


def test_a_conversation_is_in_the_language_that_is_stated_known_detected_or_the_default() -> None:
    stranger = Dossier(GERMAN.home_id)
    assert opened(stranger, replace(DETECTED, language="fr")) == "fr"
    assert opened(stranger, DETECTED) == "de"
    assert opened(stranger, GERMAN) == "en"
    dossier = after(replace(DETECTED, language="fr"))
    assert dossier.customer is not None
    assert dossier.customer.language == "fr"
    other = replace(DETECTED, message_id="m-2", account_id="other", occurred_at_ms=10**14)
    assert opened(replace(dossier, conversations={}), other) == "fr"


def test_a_language_that_nobody_knew_is_known_from_then_on() -> None:
    dossier = after(inbound(text="hi"))
    assert dossier.customer is not None
    assert (dossier.customer.language, dossier.conversations[CONVERSATION].language) == ("", "en")
    events = events_of(dossier, replace(DETECTED, message_id="m-2"))
    (updated,) = [each for each in events if isinstance(each, CustomerUpdated)]
    assert updated.changed == ("language",)
    dossier = reduce(evolve, events, dossier)
    assert dossier.customer is not None
    assert (dossier.customer.language, dossier.conversations[CONVERSATION].language) == ("de", "de")
    third = replace(DETECTED, message_id="m-3", detected_language="en")
    dossier = reduce(evolve, events_of(dossier, third), dossier)
    assert dossier.conversations[CONVERSATION].language == "de"
    assert dossier.messages["m-3"].language == "en"


def test_what_a_mail_program_writes_tells_nothing_of_a_customer() -> None:
    automatic = replace(DETECTED, automatic=Automatic.AUTO_REPLY)
    dossier = after(automatic)
    assert dossier.customer is not None
    assert dossier.customer.language == ""
