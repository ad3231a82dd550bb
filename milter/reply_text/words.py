"""The words that mail programs write around a reply, language by language: the one place to add another language.

The patterns are for lines of limited length, and none has two unbounded runs in a row.
"""

import re
from enum import Enum, auto

COLONS = (":", "：")
OTHER_COLONS = ("៖", "։", "፦")  # Khmer, Armenian, Amharic

# A word for writing, in an attribution.
WROTE = re.compile(
    r"\b(?:wrote|writes|said|schrieb|geschrieben|écrit|escribió|escribio|escreveu|schreef|geschreven|scritto|skrev"
    r"|kirjoitti|napisał(?:\(a\)|a)?|pisze|napsal(?:\(a\)|a)?|napísal|írta|yazdı|a scris|napisao|је написао|написал"
    r"(?:\(а\)|а)?|пишет|писал|написав|пише|написа|έγραψε|skrifaði|rašė|kirjutas|rakstīja|viết"
    r"|menulis|napisao(?:/la)?|napisala|escrigué|escriure|idatzi du|shkroi|napísala|напісаў|жазды)\b"
    r"|写道|寫道|さんは書きました|のメッセージ|작성|님이 쓴 글|כתב|كتب|نوشت|เขียนว่า|ने लिखा|লিখেছেন",
    re.IGNORECASE,
)
# What may stand between a name and such a word, in small letters.
AUXILIARIES = frozenset({"a", "ha", "har", "hat", "heeft", "đã", "пользователь", "użytkownik"})
# Words of names in small letters.
NAME_PARTICLES = frozenset({"via", "von", "van", "der", "den", "de", "da", "di", "del", "la", "al", "bin", "ben", "of"})
# Words that begin a sentence in front of a word for writing: "He wrote:" is the author's.
NO_NAMES = frozenset(
    "i he she it we you they who what as so and but or if when then there this that one someone somebody everybody"
    " nobody in on at by my our his her their your ich er sie es wir ihr man wer wie jemand je tu il elle nous vous ils"
    " on qui yo él ella nosotros ellos quien eu ele ela nós eles quem io lui lei noi loro chi ik hij zij wij jullie wie"
    " jag han hon vi ni de du hun я он она мы вы они кто ja on ona my wy oni kto".split()
)
# Beginnings of attributions without such a word (Horde).
QUOTING = re.compile(
    r"\s*(?:quoting|zitat von|citando|citation de|citeren|cytowanie|citát|citerar|цитирую)\b", re.IGNORECASE
)
# Beginnings of attributions that begin with a moment.
OPENING = re.compile(
    r"\W{0,3}(?:(?:on|am|le|el|op|em|il|den|dnia|w dniu|dne|at|på|в|în|a|från|from)\s"
    r"|在|[^\W\d]{1,14}[.,]{0,2} \d|\d{1,4}[年./-])",
    re.IGNORECASE,
)

_ORIGINAL = (
    r"original (?:message|e-?mail)|repl(?:y|ied) message|ursprüngliche (?:nachricht|e-?mail|mail)|originalnachricht"
    r"|message (?:d['’]origine|original)|mensaje original|mensagem original|messaggio originale"
    r"|oorspronkelijk bericht|origineel bericht|wiadomość oryginalna|oryginalna wiadomość|ursprungligt meddelande"
    r"|originalmeddelande|oprindelig (?:meddelelse|besked)|opprinnelig melding|alkuperäinen viesti"
    r"|исходное сообщение|оригинальное сообщение|původní zpráva|eredeti üzenet|orijinal mesaj"
    r"|eredeti levél|mesaj original|originálna správa|pôvodná správa|izvorna poruka|оригінальне повідомлення"
    r"|оригинално писмо|исходное письмо|αρχικό μήνυμα|missatge original|pesan asli|tin nhắn gốc|הודעה מקורית"
    r"|الرسالة الأصلية|原始邮件|原始郵件|(?:回复|回復|答复)的原邮件|元のメッセージ|원본 메시지"
)
# A line that separates the answered message from the reply.
ORIGINAL_MESSAGE = re.compile(rf"[\s*]*-{{2,20}}\s*\**\s*(?:{_ORIGINAL})\s*\**\s*-{{2,20}}[\s*]*", re.IGNORECASE)

_FORWARDED_BETWEEN_DASHES = (
    r"forwarded (?:message|by .{1,80})|weitergeleitete nachricht|message transféré|message transmis|mensaje reenviado"
    r"|mensagem (?:re)?encaminhada|messaggio inoltrato|doorgestuurd bericht|treść przekazanej wiadomości"
    r"|przekazana wiadomość|vidarebefordrat meddelande|videresendt (?:meddelelse|melding)"
    r"|(?:edelleen)?(?:lähetetty|välitetty) viesti(?: / fwd\.msg)?|přeposlaná zpráva|továbbított üzenet"
    r"|preposlaná správa(?: --- forwarded message)?|mesaj redirecționat|proslijeđena poruka"
    r"|ile[tr]il(?:en|miş) (?:ileti|mesaj)"
    r"|i̇letil(?:en|miş) (?:i̇leti|ileti|mesaj)|пере(?:направлене|слане) повідомлення"
    r"|пересылаемое сообщение|перенаправленное сообщение|转发邮件信息|转发的邮件|转发邮件|轉寄郵件|転送メッセージ"
)
_FORWARDED_WITH_COLON = (
    r"begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|début du message (?:réexpédié|transféré)"
    r"|inicio del mensaje reenviado|início da mensagem (?:re)?encaminhada|inizio messaggio inoltrato"
    r"|begin doorgestuurd bericht|początek przekazywanej wiadomości|vidarebefordrat (?:brev|mejl)"
    r"|začátek přeposílané zprávy|start på videresendt besked|välitetty viesti alkaa|započni proslijeđenu poruku"
    r"|továbbított levél kezdete|videresendt melding|începe mesajul redirecționat|začiatok preposlanej správy"
    r"|i̇leti başlangıcı|початок листа, що пересилається|начало переадресованного сообщения"
)
# A line above a forwarded message.
FORWARDED = re.compile(
    rf"[\s>*]*(?:-{{2,20}}\s*(?:{_FORWARDED_BETWEEN_DASHES})\s*-{{2,20}}|(?:{_FORWARDED_WITH_COLON})\s?[:：])\s*",
    re.IGNORECASE,
)
# What precedes the subject of a forwarded message.
FORWARDING = re.compile(
    r"\s*(?:fwd?|wg|trs?|rv|enc|v[bls]|pd|i|fs|yml|i̇lt|redir\.?|videresend|doorst|továbbítás|πρθ|הועבר"
    r"|إعادة توجيه|转发|轉寄)\s?[:：]",
    re.IGNORECASE,
)


class Label(Enum):
    """What a line of a block of header fields says. ADDRESS is no label: there is an address in the block."""

    FROM = auto()
    DATE = auto()
    TO = auto()
    SUBJECT = auto()
    OTHER = auto()
    ADDRESS = auto()


_LABEL_WORDS = {
    Label.FROM: "from|von|de|van|od|da|från|fra|lähettäjä|от|от кого|від|від кого|отправитель|发件人|寄件者|差出人"
    "|送信者|보낸 사람|보낸사람|kimden|gönderen|feladó|expeditor|expeditorul|de la|odesílatel|odosielateľ|avsändare"
    "|remitente|mittente|expéditeur|absender|afzender|nadawca|šalje|από|מאת|من|المرسل|از|فرستنده|nuo|saatja"
    "|pošiljatelj|pošiljalac|пошиљалац|шаље|од|dari|daripada|pengirim|từ|người gửi|จาก|प्रेषक|frá|nork|bidaltzailea"
    "|ад|кімнен|nga|寄件人",
    Label.DATE: "sent|date|gesendet|datum|envoyé|envoyée|envoyé le|enviado|enviado el|enviado em|enviada em|enviada"
    "|fecha|data|verzonden|wysłano|wysłane|skickat|sendt|dato|lähetetty|päivämäärä|päiväys|отправлено|дата|надіслано"
    "|відправлено|发送时间|发送日期|日期|寄件日期|傳送時間|送信日時|日時|日付|보낸 날짜|날짜|inviato|gönderme tarihi"
    "|tarih"
    "|gönderildi|gönderilme tarihi|odesláno|odoslané|elküldve|dátum|trimis|dată|ημερομηνία|στάλθηκε|נשלח|תאריך|تاريخ"
    "|التاريخ|تاريخ الإرسال|تم الإرسال|تاریخ|ارسال شده|изпратено|išsiųsta|nosūtīts|datums|saadetud|kuupäev|poslano"
    "|poslato|послато|датум|испратено|enviat|enviat el|dikirim|dihantar|tanggal|tarikh|đã gửi|ngày|ส่ง|วันที่|भेजा गया"
    "|दिनांक|bidalia|адпраўлена|жіберілді|dërguar|時間",
    Label.TO: "to|an|à|a|para|aan|do|till|til|vastaanottaja|кому|收件人|收件者|宛先|받는 사람|받는사람|kime|komu"
    "|címzett|către|destinatarul|pour|destinataire|destinatario|empfänger|prima|primatelj|прима|pre|adresat|προς"
    "|אל|إلى|المستلم|به|گیرنده|до|kam|adressaat|kellele|za|за|per a|kepada|đến|người nhận|ถึง|प्रति|nori|каму"
    "|кімге|drejtuar",
    Label.SUBJECT: "subject|betreff|objet|sujet|asunto|assunto|onderwerp|temat|ämne|emne|aihe|тема|主题|主題|主旨"
    "|件名|제목|oggetto|konu|předmět|predmet|tárgy|subiect|subiectul|θέμα|נושא|הנדון|الموضوع|موضوع|относно|tema|tēma"
    "|temats|teema|zadeva|naslov|предмет|наслов|assumpte|subjek|perihal|chủ đề|tiêu đề|เรื่อง|หัวเรื่อง|विषय|efni"
    "|gaia|тэма|тақырып|subjekti|thema",
    Label.OTHER: "cc|bcc|kopie|kopia|kopi|copie|kopio|copie à|copia|másolat|másolatot kap|kópia|bilgi|cci|cco|dw|копия"
    "|копія|копие|kopija|koopia|còpia|tembusan|salinan|抄送|副本|参照|참조|reply-to|importance|priority|attachments"
    "|wichtigkeit|עותק|نسخة|رونوشت",
}
# The label of a line of such a block, in lower case and without its colon.
LABELS = {word: label for label, words in _LABEL_WORDS.items() for word in words.split("|")}

# A device or a program, and a few words at most: more is a sentence of the author.
_SENDER = (
    r"(?:i(?:phon[eu]|pad|os|pod)|android|mobil\w*|smart(?:phone|fon)\w*|(?:tele)?(?:phone|fon|foon|fono)\w*|téléphone"
    r"|portable|handy|cell\w*|móvil|telemóvel|tablet\w*|samsung|galaxy|huawei|xiaomi|nokia|sony|verizon|t-mobile"
    r"|blackberry|windows|outlook|yahoo|aol|gmail|gmx|web\.de|proton|tuta|k-9|airmail|spark|fairemail|posteo"
    r"|(?:mail|courrier|correo|e-?mail|correio|posta|poczta|e-post|pošta|почта)"
    r" (?:for|für|pour|para|per|voor|dla|systemu|pro|pentru|til|för|для) windows"
    r"|яндекс|почты|телефона|смартфона|устройства)\w*(?:[ ,.:/'’+-]{1,2}[\w<>(){}|]+){0,5}"
)
_PHONES = (
    r"sent (?:from|via|using|with) (?:my |a |the )?SENDER",
    r"sent from the (?:all[- ])?new aol[- ]app(?: for \w+)?",
    r"sent from aol mobile mail get the new aol app: \S{1,80}",
    r"yahoo mail: search, organize, conquer",
    r"sent from my android device with k-9 mail\. please excuse my brevity",
    r"sent with proton ?mail(?: secure email)?",
    r"get (?:outlook|bluemail|typeapp) for \w+(?: ?[<(]\S+)?",
    r"(?:envoyé|expédié) (?:de|depuis|à partir de|avec) (?:mon |ma |la |l['’]application )?SENDER",
    r"(?:télécharger|obtenez) outlook pour \w+(?: ?[<(]\S+)?",
    r"provenance ?: (?:courrier|mail) pour windows(?: 1[01])?",
    r"von meinem SENDER gesendet",
    r"(?:gesendet|diese nachricht wurde) (?:von|mit|aus) (?:meinem |der |dem )?SENDER",
    r"(?:holen sie sich |hol dir |laden sie )?outlook für \w+(?: herunter)?(?: ?[<(]\S+)?",
    r"enviado (?:desde|con) (?:mi |el |la )?SENDER",
    r"(?:obtener|obter o?) ?outlook para \w+(?: ?[<(]\S+)?",
    r"enviado (?:do|a partir do|pelo) (?:meu |minha )?SENDER",
    r"inviato (?:da|dal|con) (?:mio )?SENDER",
    r"(?:verstuurd|verzonden) (?:vanaf|vanuit|met|via) (?:mijn )?SENDER",
    r"(?:download )?outlook voor \w+(?: downloaden)?(?: ?[<(]\S+)?",
    r"wysłan[eoy] z (?:mojego |programu |aplikacji |urządzenia )?SENDER",
    r"(?:skickat från|sendt fra) (?:min )?SENDER",
    r"lähetetty SENDER",
    r"отправлено (?:с|из|от) (?:моего |приложения )?SENDER",
    r"odesláno z (?:mého )?SENDER",
    r"(?:发自|發自)我的\s?\S.{0,20}",
    r"(?:从|從)我的\s?\S.{0,20}(?:传送|傳送|发送|發送)",
    r"\s?(?:i(?:phone|pad)|android|スマートフォン|スマホ)\S{0,10}\s?から送信",
    r"(?:나의|내) \w+에서 보냄",
    r"i(?:phone|pad)['’]?\w* gönderildi",
    r"odoslané z (?:môjho )?SENDER",
    r"az? SENDER küldve",
    r"elküldve az? SENDER",
    r"trimis (?:de pe|din) SENDER",
    r"poslano s mo(?:g|jeg) SENDER",
    r"enviat des (?:del meu |de la meva |de )SENDER",
    r"(?:στάλθηκε|εστάλη|απεστάλη) από (?:το |τη |την )?SENDER",
    r"надіслано з (?:мого )?SENDER",
    r"נשלח מ(?:ה-?)?SENDER",
    r"(?:أ\u064f?رسلت|ارسلت|تم الإرسال) من (?:الـ ?|جهاز )?SENDER",
    r"(?:đã |được )?gửi từ SENDER",
    r"dikirim dari SENDER",
    r"ส่งจาก ?SENDER(?: ?ของฉัน)?",
    r"मेरे SENDER से भेजा गया",
)
# What a phone signs with, without brackets and full stops around it.
PHONE = re.compile("|".join(pattern.replace("SENDER", _SENDER) for pattern in _PHONES), re.IGNORECASE)

# A link that such a line holds behind one of its words: Outlook's HTML as plain text.
LINK = re.compile(r"\s?[<(\[]https?://[^\s<>()\[\]]{1,1000}[>)\]]", re.IGNORECASE)
# Links that only programs sign with, to what can be downloaded: with one, such a line is known in any language.
PROGRAM_LINK = re.compile(
    r"<https?://(?:aka\.ms/(?:o0ukef|aab9ysg|ghei36|qtex0l|weboutlook)|go\.microsoft\.com/fwlink/\?linkid=550986"
    r"|overview\.mail\.yahoo\.com/|mail\.onelink\.me/)[^\s<>]{0,1000}>",
    re.IGNORECASE,
)
PROGRAM = re.compile(r"outlook|windows|yahoo|aol", re.IGNORECASE)
