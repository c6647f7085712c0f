"""What mailers write above a mail that is quoted or passed on: a line, or its header. Data, for
`quotes.py`, a language a line.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from services.intake.core.phrases import listed


class Label(Enum):
    """The fields of a header that is written into a text."""

    FROM = auto()
    DATE = auto()
    TO = auto()
    OTHER = auto()
    SUBJECT = auto()


# Between dashes, above the mail that is quoted.
ORIGINALS: Final = listed("""
    en Original Message, Original E-?Mail, Reply Message, Original Appointment
    de Ursprüngliche (?:Nachricht|Mail|E-Mail), Original-?nachricht
    fr Message d['’]origine, Message original
    es Mensaje original
    ca Missatge original
    pt Mensagem original
    it Messaggio originale
    ro Mesaj original
    nl Oorspronkelijk bericht, Origineel bericht
    sv Ursprungligt meddelande, Originalmeddelande
    nb Opprinnelig melding, Original melding
    da Oprindelig meddelelse, Oprindelig besked
    fi Alkuperäinen viesti
    pl Wiadomość oryginalna, Oryginalna wiadomość
    cs Původní (?:zpráva|e-mail)
    sk Pôvodná správa
    sl Izvirno sporočilo
    hr Izvorna poruka
    hu Eredeti üzenet
    tr Özgün İleti, Orijinal Mesaj
    ru Исходное сообщение, Оригинальное сообщение
    uk Оригінальне повідомлення
    bg Оригинално съобщение
    el Αρχικό μήνυμα
    he הודעה מקורית
    ar الرسالة الأصلية
    zh 原始邮件, 原始郵件, 原邮件
    ja 元のメッセージ
    ko 원본 메시지, 원본 메일
    vi Thư gốc
    id Pesan Asli
""")
# The same above a mail that is passed on.
FORWARDS: Final = listed("""
    en Forwarded (?:Message|Mail)
    de Weitergeleitete (?:Nachricht|Mail|E-Mail)
    fr Message (?:transféré|réexpédié), Courriel transféré
    es Mensaje reenviado
    ca Missatge reenviat
    pt Mensagem (?:encaminhada|reencaminhada)
    it Messaggio inoltrato
    ro Mesaj redirecționat
    nl Doorgestuurd bericht
    sv Vidarebefordrat meddelande
    nb Videresendt (?:melding|e-post)
    da Videresendt (?:meddelelse|besked)
    fi (?:Välitetty|Edelleenlähetetty) viesti
    pl Przekazana wiadomość, Wiadomość przekazana dalej
    cs Přeposlaná zpráva
    sk Preposlaná správa
    sl Posredovano sporočilo
    hr Proslijeđena poruka
    hu Továbbított üzenet
    tr İletilmiş Mesaj, Yönlendirilen ileti
    ru Пересланное сообщение, Пересылаемое (?:сообщение|письмо)
    uk Переслане повідомлення
    bg Препратено съобщение
    el Προωθημένο μήνυμα
    he הודעה שהועברה
    ar رسالة مُ?عاد توجيهها, الرسالة المعاد توجيهها
    zh 转发的?邮件, 轉寄的?郵件
    ja 転送(?:された)?メッセージ
    ko 전달된 메시지
    vi Thư chuyển tiếp
    id Pesan terusan
""")
# Apple writes it without dashes.
FORWARDS_BARE: Final = listed("""
    en Begin forwarded message
    de Anfang der weitergeleiteten (?:Nachricht|E-Mail)
    fr Début du message (?:transféré|réexpédié)
    es Inicio del mensaje reenviado
    pt Início da mensagem (?:encaminhada|reencaminhada)
    it Inizio messaggio inoltrato
    nl Begin (?:van )?doorgestuurd bericht
    sv Vidarebefordrat (?:brev|mejl)
    nb Videresendt melding
    da Start på videresendt besked
    fi Välitetty viesti alkaa
    pl Początek przekazywanej wiadomości
    cs Začátek přeposílané zprávy
    hu Továbbított levél kezdete
    ru Начало переадресованного сообщения
    zh 下面是被转发的邮件, 以下是轉寄的郵件
    ja 転送されたメッセージ
    ko 전달된 메시지
""")

# Outlook and others write the header of what they quote, in the language of whoever answers.
LABELS: Final = {
    Label.FROM: listed("""
        en From
        de Von, Absender
        fr De, Expéditeur
        es De, Remitente
        it Da, Mittente
        ro De la
        nl Van
        sv Från
        nb Fra
        fi Lähettäjä
        pl Od
        cs Odesílatel
        sk Odosielateľ
        sl Pošiljatelj
        et Saatja
        lt Nuo
        lv No
        hu Feladó
        tr Kimden, Gönderen
        ru От
        uk Від
        el Από
        he מאת
        ar من
        zh 发件人, 寄件者, 寄件人
        ja 差出人, 送信元
        ko 보낸 사람, 보낸사람
        vi Từ
        id Dari
    """),
    Label.DATE: listed("""
        en Sent, Date, Time
        de Gesendet, Datum
        fr Envoyé, Envoyé le, Date, Expédié
        es Enviado, Enviado el, Fecha, Fecha de envío
        pt Enviado, Enviada em, Enviado em, Data
        it Inviato, Data
        ro Trimis, Dată
        nl Verzonden, Datum
        sv Skickat, Datum
        nb Sendt, Dato
        fi Lähetetty, Päivämäärä, Päiväys
        pl Wysłano, Wysłane, Data
        cs Odesláno, Dne
        sk Odoslané, Dátum
        sl Poslano
        et Saadetud, Kuupäev
        lt Išsiųsta
        lv Nosūtīts
        hu Elküldve, Küldve, Dátum
        tr Gönderildi, Tarih, Gönderme Tarihi
        ru Отправлено, Дата
        uk Надіслано, Дата
        bg Изпратено
        el Στάλθηκε, Απεστάλη, Ημερομηνία
        he נשלח, תאריך
        ar تاريخ الإرسال, التاريخ
        zh 发送时间, 发送日期, 日期, 寄件日期, 傳送時間
        ja 送信日時, 日時, 日付
        ko 보낸 날짜, 보낸 시간, 날짜
        vi Đã gửi, Ngày
        id Terkirim, Tanggal
    """),
    Label.TO: listed("""
        en To
        de An, Empfänger
        fr À, A, Pour, Destinataire
        es Para, Destinatario
        it A, Per
        ro Către
        nl Aan
        sv Till
        nb Til
        fi Vastaanottaja, Kenelle
        pl Do
        cs Komu
        sl Za
        hr Prima, Za
        et Saaja
        lt Kam
        hu Címzett
        tr Kime, Alıcı
        ru Кому
        bg До
        el Προς
        he אל
        ar إلى
        zh 收件人, 收件者
        ja 宛先
        ko 받는 사람, 받는사람
        vi Đến
        id Kepada, Ke
    """),
    Label.OTHER: listed("""
        en Cc, Bcc, Reply-To, Attachments, Importance, Message-ID, Organization
        de Kopie, Kopie (CC), Antwort an, Anlagen, Priorität, Wichtigkeit
        fr Copie, Copie à, Répondre à, Importance, Pièces jointes
        es Copia, CC, Responder a, Importancia, Datos adjuntos
        sv Kopia
        nb Kopi
        fi Kopio
        pl DW
        hu Másolatot kap
        tr Bilgi
        ru Копия
        uk Копія
        el Κοιν
        he עותק
        ar نسخة
        zh 抄送, 副本
        ko 참조
    """),
    Label.SUBJECT: listed("""
        en Subject
        de Betreff
        fr Objet, Sujet
        es Asunto
        ca Assumpte
        pt Assunto
        it Oggetto
        ro Subiect
        nl Onderwerp
        sv Ämne
        nb Emne
        fi Aihe
        pl Temat
        cs Předmět
        sk Predmet
        sl Zadeva
        et Teema
        lt Tema
        lv Tēma
        hu Tárgy
        tr Konu
        ru Тема
        bg Относно
        el Θέμα
        he נושא
        ar الموضوع, موضوع
        zh 主题, 主題, 主旨
        ja 件名
        ko 제목
        vi Chủ đề
        id Perihal, Subjek
    """),
}
