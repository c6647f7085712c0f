"""What mailers write around a quote, in the languages that they speak. Data, for `quotes.py`.

Only what a program writes stands here, a language a line. Case does not matter.
"""

from __future__ import annotations

from typing import Final

from services.intake.core.phrases import listed

# How the line above a quote begins: `On Monday, ...`.
OPENINGS: Final = listed("""
    en On, At
    de Am
    fr Le
    es El
    ca El
    pt Em, No dia, A
    it Il, Il giorno
    ro În data, Pe
    nl Op
    sv Den
    nb Den, På
    da Den, D.
    fi Ma, Ti, Ke, To, Pe, La, Su
    pl Dnia, W dniu
    sl V
    cs Dne, Dňa
    ru В, На
    bg На
    el Στις
    tr Tarihinde
    hu A, Az
    vi Vào, Lúc, Ngày
    id Pada
    zh 在, 於
    he בתאריך, ב-
    ar في
""")

# The verb that the same line has: somebody wrote.
VERBS: Final = listed("""
    en wrote, writes
    de schrieb, hat geschrieben, geschrieben
    fr a écrit
    es escribió
    ca va escriure, ha escrit
    pt escreveu
    it ha scritto
    ro a scris
    nl schreef, heeft geschreven, het volgende geschreven
    sv skrev
    nb skrev, følgende
    fi kirjoitti
    et kirjutas
    lv rakstīja
    lt rašė
    pl napisał, napisała, napisał(a), pisze
    cs napsal, napsala, napsal(a), píše
    sk napísal, napísala, napísal(a)
    sl napisal, napisala, napisal(a)
    hr je napisao, je napisala, je napisao/la, piše
    sr је написао, је написала
    ru написал, написала, написал(а), пишет, писал, писал(а)
    uk написав, написала, пише
    bg написа
    el έγραψε
    hu ezt írta, írta
    tr şunu yazdı, yazdı, şunları yazdı
    he כתב, כתבה, כתב/ה
    ar كتب, كتبت
    fa نوشت
    vi đã viết
    id menulis
    hi ने लिखा
""")
# The same where words are not parted.
VERBS_UNPARTED: Final = listed("""
    zh 写道, 寫道, 写到
    ja のメッセージ, 書きました, のメール
    ko 작성, 님이 쓴 글
    th เขียน
""")

# Whole lines that telephones and webmailers add below a text; DEVICE is one of the next.
MOBILE_SIGNATURES: Final = listed(r"""
    en Sent (?:from|via|with|using) (?:my |the )?DEVICE, Get Outlook for DEVICE
    de (?:Diese Nachricht wurde )?von mein\w* DEVICE ?gesendet, Gesendet (?:von|mit|über|aus) DEVICE
    de (?:Holen Sie sich )?Outlook für DEVICE
    fr Envoyé (?:de|depuis|avec|à partir de) DEVICE, (?:Téléchargez?|Obtenez) Outlook pour DEVICE
    es Enviado (?:desde|con|a partir de) DEVICE, Obtener Outlook para DEVICE
    pt Enviado (?:do|de|com|a partir do) DEVICE, Ob(?:ter|tenha) o Outlook para DEVICE
    it Inviato (?:da|dal|dalla|con) DEVICE, (?:Ottieni|Scarica) Outlook per DEVICE
    ro Trimis de pe DEVICE
    nl (?:Verstuurd|Verzonden) (?:vanaf|vanuit|met|via) DEVICE, Outlook voor DEVICE downloaden
    sv Skickat från DEVICE
    da Sendt fra DEVICE, Hent Outlook (?:til|for) DEVICE
    fi Lähetetty DEVICE
    pl Wysłan[eoy] z DEVICE, Pobierz (?:program )?Outlook dla DEVICE
    cs Odesláno z DEVICE
    sk Odoslané z DEVICE
    hr Poslano (?:z|iz|s|sa) DEVICE
    hu (?:Az )?DEVICE-?(?:omról|emről) küldve
    ru Отправлено (?:с|из|через) DEVICE
    uk Надіслано (?:з|із) DEVICE
    bg Изпратено от DEVICE
    el Στάλθηκε από DEVICE
    tr DEVICE(?:dan|den) gönderildi
    he נשלח מה?-?DEVICE
    ar أُ?رسلت? من DEVICE
    zh 发自我?的?DEVICE, 從我的 ?DEVICE ?傳送
    ja DEVICEから送信
    ko (?:나의|내) DEVICE에서 보냄
    vi Đã gửi từ DEVICE
    id Dikirim dari DEVICE
""")
# A part of the name of nearly all of them, so that `Sent by courier` is none.
DEVICES: Final = listed("""
    en mail, phone, ipad, ios, tablet, mobile, android, blackberry, galaxy, samsung, device, app
    en outlook, gmx, web.de, yahoo, proton, superhuman, thunderbird, spark, pixel, huawei
    en xiaomi, nokia
    de handy, mobil
    es móvil, teléfono, telefono, celular
    sv telefon
    fi puhelin
    ru почт, телефон, мобильн, айфон
    el κινητό
    zh 手机, 手機
    ja スマート, 携帯
    ko 휴대
""")
