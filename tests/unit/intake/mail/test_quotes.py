"""What a person newly wrote, told from what they quote: by language, by mailer, or not at all."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.shell.mail.quotes import LINES_MAX, split
from services.intake.shell.mail.reading import read
from tests.unit.intake.mail.mails import mail

# As mailers write them: Gmail, Apple Mail, Thunderbird, Outlook, Zoho, Yahoo and others.
ATTRIBUTIONS = {
    "en gmail": "On Mon, Apr 3, 2023 at 10:00 AM Jane Doe <jane@example.org> wrote:",
    "en gmail broken": "On Mon, Apr 3, 2023 at 10:00 AM Jane Doe\n<jane@example.org> wrote:",
    "en apple": "On 3 Apr 2023, at 10:00, Jane Doe <jane@example.org> wrote:",
    "en thunderbird": "On 4/3/23 10:00, Jane Doe wrote:",
    "en zoho": "---- On Mon, 03 Apr 2023 10:00:00 +0200 Jane <jane@example.org> wrote ----",
    "en name first": "Jane Doe <jane@example.org> wrote on 3 April 2023:",
    "en broken thrice": "On Monday, April 3, 2023,\n10:00 AM, Jane\n<jane@example.org>\nwrote:",
    "de gmail": "Am Mo., 3. Apr. 2023 um 10:00 Uhr schrieb Jane Doe <jane@example.org>:",
    "de apple": "Am 03.04.2023 um 10:00 schrieb Jane Doe <jane@example.org>:",
    "de thunderbird": "Am 03.04.23 um 10:00 schrieb Jane Doe:",
    "fr": "Le lun. 3 avr. 2023 à 10:00, Jane Doe <jane@example.org> a écrit :",
    "es": "El lun, 3 abr 2023 a las 10:00, Jane Doe (<jane@example.org>) escribió:",
    "ca": "El dl., 3 d’abr. 2023 a les 10:00, Jane Doe <jane@example.org> va escriure:",
    "it": "Il giorno lun 3 apr 2023 alle ore 10:00 Jane Doe <jane@example.org> ha scritto:",
    "pt": "Em seg., 3 de abr. de 2023 às 10:00, Jane Doe <jane@example.org> escreveu:",
    "nl": "Op ma 3 apr 2023 om 10:00 schreef Jane Doe <jane@example.org>:",
    "sv": "Den mån 3 apr. 2023 kl 10:00 skrev Jane Doe <jane@example.org>:",
    "nb": "man. 3. apr. 2023 kl. 10:00 skrev Jane Doe <jane@example.org>:",
    "da": "Den man. 3. apr. 2023 kl. 10.00 skrev Jane Doe <jane@example.org>:",
    "fi": "ma 3. huhtik. 2023 klo 10.00 Jane Doe (jane@example.org) kirjoitti:",
    "pl": "pon., 3 kwi 2023 o 10:00 Jane Doe <jane@example.org> napisał(a):",
    "pl old": "W dniu 3.04.2023 o 10:00, Jane Doe pisze:",
    "cs": "po 3. 4. 2023 v 10:00 odesílatel Jane Doe <jane@example.org> napsal:",
    "sk": "po 3. 4. 2023 o 10:00 Jane Doe <jane@example.org> napísal(a):",
    "sl": "V V pon., 3. apr. 2023 ob 10:00 je oseba Jane <jane@example.org> napisala:",
    "hr": "pon, 3. tra 2023. u 10:00 Jane Doe <jane@example.org> napisao je:",
    "hu": "Jane Doe <jane@example.org> ezt írta (időpont: 2023. ápr. 3., H, 10:00):",
    "ro": "În lun., 3 apr. 2023 la 10:00, Jane Doe <jane@example.org> a scris:",
    "tr": "Jane Doe <jane@example.org>, 3 Nis 2023 Pzt, 10:00 tarihinde şunu yazdı:",
    "ru": "пн, 3 апр. 2023 г. в 10:00, Jane Doe <jane@example.org>:",
    "ru verb": "3 апреля 2023, 10:00 от Jane Doe <jane@example.org> написал(а):",
    "uk": "пн, 3 квіт. 2023 р. о 10:00 Jane Doe <jane@example.org> пише:",
    "bg": "На пн, 3.04.2023 г. в 10:00 Jane Doe <jane@example.org> написа:",
    "el": "Στις Δευ 3 Απρ 2023 στις 10:00 π.μ., ο χρήστης Jane <jane@example.org> έγραψε:",
    "he": "\u202bבתאריך ב׳, 3 באפר׳ 2023 ב-10:00 מאת Jane\u200f <jane@example.org\u202c>:\u202c",
    "ar": "في الاثنين، 3 أبريل 2023 10:00 كتب Jane Doe <jane@example.org>:",
    "vi": "Vào Th 2, 3 thg 4, 2023 vào lúc 10:00 Jane <jane@example.org> đã viết:",
    "id": "Pada tanggal Sen, 3 Apr 2023 pukul 10.00 Jane <jane@example.org> menulis:",
    "zh": "Jane Doe <jane@example.org> 于2023年4月3日周一 10:00写道：",
    "zh apple": "在 2023年4月3日，10:00，Jane Doe <jane@example.org> 写道：",
    "ja": "2023年4月3日(月) 10:00 Jane Doe <jane@example.org>:",
    "ko": "2023년 4월 3일 (월) 오전 10:00, Jane Doe <jane@example.org>님이 작성:",
    "gmail without words": "2023-04-03 10:00 GMT+02:00 Jane Doe <jane@example.org>:",
}
HEADERS = {
    "en": "From: Jane <jane@example.org>\nSent: Monday, 3 April 2023\nTo: Help\nSubject: Tea",
    "en stars": "*From:* Jane\n*Sent:* Monday\n*To:* Help\n*Cc:* X\n*Subject:* Tea",
    "en long": "From: Jane\nSent: Monday\nTo: A <a@x>;\n B <b@x>;\n C <c@x>\nSubject: Tea",
    "en apart": "From: Jane\n\nSent: Monday\n\nTo: Help\n\nSubject: Tea",
    "de": "Von: Jane\nGesendet: Montag, 3. April 2023 10:00\nAn: Help\nBetreff: Tea",
    "fr": "De : Jane\nEnvoyé : lundi 3 avril 2023 10:00\nÀ : Help\nObjet : Tea",
    "es": "De: Jane\nEnviado el: lunes, 3 de abril de 2023\nPara: Help\nAsunto: Tea",
    "it": "Da: Jane\nInviato: lunedì 3 aprile 2023\nA: Help\nOggetto: Tea",
    "pt": "De: Jane\nEnviado: segunda-feira\nPara: Help\nAssunto: Tea",
    "nl": "Van: Jane\nVerzonden: maandag 3 april 2023\nAan: Help\nOnderwerp: Tea",
    "sv": "Från: Jane\nSkickat: den 3 april 2023\nTill: Help\nÄmne: Tea",
    "da": "Fra: Jane\nSendt: 3. april 2023\nTil: Help\nEmne: Tea",
    "fi": "Lähettäjä: Jane\nLähetetty: maanantai\nVastaanottaja: Help\nAihe: Tea",
    "pl": "Od: Jane\nWysłano: poniedziałek\nDo: Help\nTemat: Tea",
    "cs": "Od: Jane\nOdesláno: pondělí\nKomu: Help\nPředmět: Tea",
    "hu": "Feladó: Jane\nElküldve: hétfő\nCímzett: Help\nTárgy: Tea",
    "tr": "Kimden: Jane\nGönderildi: Pazartesi\nKime: Help\nKonu: Tea",
    "ru": "От: Jane\nОтправлено: понедельник\nКому: Help\nТема: Tea",
    "zh": "发件人: Jane\n发送时间: 2023年4月3日\n收件人: Help\n主题: Tea",
    "ja": "差出人: Jane\n送信日時: 2023年4月3日\n宛先: Help\n件名: Tea",
    "ko": "보낸 사람: Jane\n보낸 날짜: 2023년 4월 3일\n받는 사람: Help\n제목: Tea",
}
RULES = (
    *(
        "-----Original Message-----",
        "-------- Original Message --------",
        "-----Ursprüngliche Nachricht-----",
    ),
    *("-----Message d'origine-----", "-----Mensaje original-----", "-----Messaggio originale-----"),
    *(
        "-----Oorspronkelijk bericht-----",
        "-----Oprindelig meddelelse-----",
        "----- Reply message -----",
    ),
    *(
        "-----Исходное сообщение-----",
        "----- 原始邮件 -----",
        "-----Eredeti üzenet-----",
        "*-----Original Message-----*",
    ),
)
FORWARDS = (
    *("---------- Forwarded message ---------", "-------- Weitergeleitete Nachricht --------"),
    *(
        "Begin forwarded message:",
        "Anfang der weitergeleiteten Nachricht:",
        "---------- Message transféré ---------",
    ),
    *(
        "---------- Mensaje reenviado ----------",
        "-------- Messaggio Inoltrato --------",
        "---------- 转发的邮件 ---------",
    ),
)
SIGNATURES = (
    *(
        "-- \nJane Doe\nACME",
        "--\nJane",
        "Sent from my iPhone",
        "Sent from Outlook for iOS<https://aka.ms/x>",
    ),
    *("Get Outlook for Android", "Von meinem iPhone gesendet", "Gesendet mit der GMX Mail App"),
    *("Diese Nachricht wurde von meinem Android Mobiltelefon gesendet.", "Envoyé de mon iPhone"),
    *(
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Enviado do meu iPhone",
    ),
    *(
        "Skickat från min iPhone",
        "Sendt fra min iPhone",
        "Lähetetty iPhonesta",
        "Wysłane z iPhone'a",
    ),
    *(
        "Отправлено с iPhone",
        "iPhone'umdan gönderildi",
        "iPhoneから送信",
        "发自我的iPhone",
        "나의 iPhone에서 보냄",
    ),
    *("Sent from my mobile.\n\n-- \nJane", "Sent from my iPhone\nGet Outlook for iOS"),
)
QUOTE = "> Hello,\n>\n> where is my tea?\n>> which tea?"


def bare(text: str) -> str:
    """A text without its white space."""
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS)
@pytest.mark.parametrize("gap", ["\n", "\n\n"], ids=["close", "apart"])
def test_a_quote_begins_with_who_wrote_it(line: str, gap: str) -> None:
    found = split(f"It came.\n\nThanks!\n\n{line}{gap}{QUOTE}\n")
    assert found.text == "It came.\n\nThanks!"
    assert found.quoted == f"{line}{gap}{QUOTE}"


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=ATTRIBUTIONS)
def test_a_quote_without_marks_reaches_to_the_end(line: str) -> None:
    found = split(f"It came.\n\n{line}\n\nHello,\n\nwhere is my tea?\nJane")
    assert found.text == "It came."
    assert found.quoted == f"{line}\n\nHello,\n\nwhere is my tea?\nJane"


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("rule", ["", "________________________________\n", "-----\n\n"], ids=repr)
def test_a_quote_begins_with_a_copied_header(header: str, rule: str) -> None:
    found = split(f"It came.\n\n{rule}{header}\n\nHello,\n\nwhere is my tea?")
    assert found.text == "It came."
    assert found.quoted.startswith(f"{rule}{header}")


@pytest.mark.parametrize("rule", RULES)
def test_a_quote_begins_with_a_rule_that_says_so(rule: str) -> None:
    assert split(f"It came.\n\n{rule}\nanything").text == "It came."


def test_marked_lines_that_end_the_text_are_a_quote() -> None:
    assert split(f"It came.\n\n{QUOTE}").text == "It came."
    assert split("See:\n\n> one line").quoted == ""


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_signature_is_no_text(signature: str) -> None:
    assert split(f"It came.\n\n{signature}\n").text == "It came."
    assert split(f"It came.\n\n{signature}\n").quoted == signature
    attribution = ATTRIBUTIONS["en gmail"]
    assert split(f"It came.\n\n{signature}\n\n{attribution}\n\n{QUOTE}").text == "It came."
    assert split(f"It came.\n\n{attribution}\n\n{QUOTE}\n\n{signature}").text == "It came."


@pytest.mark.parametrize(
    "text",
    [
        f"{ATTRIBUTIONS['en gmail']}\n> Which tea?\n\nGreen.\n\n> Which cup?\n\nBlue.",
        f"See below.\n\n{ATTRIBUTIONS['en gmail']}\n> Which tea?\n\nGreen.\n\n> Which cup?",
        f"{ATTRIBUTIONS['de gmail']}\n{QUOTE}\n\nDas grüne.",
        f"{ATTRIBUTIONS['de gmail']}\n{QUOTE}\n\nDas grüne.\n\n-- \nJane",
        f"-----Original Message-----\n{QUOTE}\nGreen.\n> Which cup?",
        f"{QUOTE}\nGreen.",
    ],
)
def test_who_answers_between_the_lines_is_only_understood_with_them(text: str) -> None:
    assert split(text).text == text
    assert split(text).quoted == ""


@pytest.mark.parametrize(
    "text",
    [
        QUOTE,
        f"{ATTRIBUTIONS['en gmail']}\n\n{QUOTE}",
        f"\n\n{HEADERS['en']}\n\nHello",
        "-- \nJane",
        "Sent from my iPhone",
        f"Sent from my iPhone\n\n{ATTRIBUTIONS['en gmail']}\n\n{QUOTE}",
        "-----Original Message-----\nHello",
    ],
)
def test_where_nothing_would_be_left_all_is_kept(text: str) -> None:
    assert split(text).text == text.strip("\n")
    assert split(text).quoted == ""


@pytest.mark.parametrize("line", FORWARDS)
def test_what_is_passed_on_is_the_text(line: str) -> None:
    text = f"Please see to this.\n\n{line}\n{HEADERS['en']}\n\nWhere is my tea?"
    assert split(text).text == text


def test_a_subject_says_that_a_mail_is_passed_on() -> None:
    text = f"Please see to this.\n\n{HEADERS['en']}\n\nWhere is my tea?"
    assert split(text).text == "Please see to this."
    assert split(text, is_forward=True).text == text
    assert read(mail(text, "Subject: Fwd: Tea", head="")).text == text
    assert read(mail(text, "Subject: Re: Fwd: Tea", head="")).text == "Please see to this."


@pytest.mark.parametrize(
    "text",
    [
        "On Monday I wrote: nobody answered.",
        "On Monday I wrote:\n\nWhere is my tea?",
        "My husband wrote the following on 3.4.2023:\n\nWhere is my tea?",
        "I waited 5 minutes until 10:30 and then wrote:\n\nWhere is my tea?",
        "I booked\n\nFrom: Berlin\nTo: Hamburg\nDate: 3 May\n\nand paid.",
        "From: Berlin\nSubject: tea",
        "Deliver on 3.4.2023 at 10:00, please. Items:\n\n- tea",
        "Items\n-----\n- tea\n-----\nThanks",
        "Sent by courier on Monday",
        "I sent it from my office.",
        "> 5 kg of tea, please",
        "Price -- what is it?",
        "___\nlines",
        "Write to jane@example.org:\n\nshe knows.",
    ],
)
def test_people_write_such_things_too(text: str) -> None:
    assert split(text).text == text
    assert split(text).quoted == ""


# What each mailer puts around the same two words.
HTML = {
    "gmail": """<div dir="ltr">It came.</div><br><div class="gmail_quote"><div class="gmail_attr">
        Mande saa kumi, Jane aliandika:<br></div><blockquote class="gmail_quote">Hello
        </blockquote></div>""",
    "thunderbird": """<p>It came.</p><div class="moz-cite-prefix">Am 3.4.23 schrieb Jane:<br>
        </div><blockquote type="cite" cite="mid:a@b">Hello</blockquote>""",
    "outlook.com": """<div>It came.</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">
        <b>From:</b> Jane<br><b>Sent:</b> Monday<br><b>Subject:</b> Tea</div><div>Hello</div>""",
    "outlook": """<p>It came.</p><div style="border-top:solid"><p><b>Von:</b> Jane<br>
        <b>Gesendet:</b> Montag<br><b>An:</b> Help<br><b>Betreff:</b> Tea</p></div><p>Hello</p>""",
    "yahoo": """<div>It came.</div><div class="yahoo_quoted"><div>Maandag, Jane &lt;j@x&gt;:</div>
        <div>Hello</div></div>""",
    "no words": """<p>It came.</p><blockquote type="cite">Hello</blockquote>""",
    "apple": """<div>It came.<br><br>Von meinem iPhone gesendet</div><div><br>
        <blockquote type="cite">Am 03.04.2023 um 10:00 schrieb Jane &lt;j@x&gt;:</blockquote></div>
        <blockquote type="cite">Hello</blockquote>""",
}


@pytest.mark.parametrize("html", HTML.values(), ids=HTML)
def test_html_says_where_its_quote_begins(html: str) -> None:
    found = read(mail(html, "Content-Type: text/html; charset=utf-8"))
    assert found.text == "It came."
    assert "Hello" in found.quoted


def test_html_that_is_answered_between_the_lines_is_kept() -> None:
    html = """<div class="gmail_quote"><div class="gmail_attr">Jana, Jane:</div>
        <blockquote type="cite">Which tea?</blockquote><div>Green.</div>
        <blockquote type="cite">Which cup?</blockquote></div>"""
    found = read(mail(html, "Content-Type: text/html"))
    assert found.text == "Jana, Jane:\n\n> Which tea?\n\nGreen.\n\n> Which cup?"
    assert found.quoted == ""


LINES = st.sampled_from(
    [
        "",
        " ",
        "Hello",
        "-- ",
        "--",
        "> marked",
        ">",
        ">> deep",
        "\u2028",
        "Sent from my iPhone",
        *ATTRIBUTIONS.values(),
        *HEADERS.values(),
        *RULES,
        *FORWARDS,
        "________________________________",
        "On Monday,",
        "wrote:",
    ]
)


@given(
    lines=st.lists(LINES | st.text(max_size=20), max_size=30), forward=st.booleans(), data=st.data()
)
def test_nothing_is_lost(lines: list[str], *, forward: bool, data: st.DataObject) -> None:
    text = "\n".join(lines)
    marks = data.draw(st.sets(st.integers(0, len(lines)), max_size=3))
    found = split(text, quote_lines=marks, is_forward=forward)
    assert bare(found.text + found.quoted) == bare(text)
    assert found.text.strip() or not found.quoted


@pytest.mark.parametrize(
    "line",
    [
        ">",
        "> a\nb",
        "a:",
        "On 3 Apr 2023 10:00 wrote",
        "From: a",
        "--",
        "Sent from my iPhone",
        "-----",
        ":",
    ],
)
def test_a_text_without_end_is_split_in_time(line: str) -> None:
    text = "\n".join([line] * (2 * LINES_MAX))
    found = split(text)
    assert bare(found.text + found.quoted) == bare(text)
