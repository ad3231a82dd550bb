"""Lines that phones and programs sign with: in many languages, wrapped, with links; and prose that is none."""

import pytest

from reply_text.lines import of_text, text_of
from reply_text.signature import without

_WINDOWS = "<https://go.microsoft.com/fwlink/?LinkId=550986>"
_ANDROID = "<https://aka.ms/AAb9ysg>"


@pytest.mark.parametrize(
    "line",
    [
        "Odesláno z iPhonu",
        "Odoslané z iPhonu",
        "Az iPhone-omról küldve",
        "Elküldve az iPhone-omról",
        "Trimis de pe iPhone-ul meu",
        "Poslano s mog iPhonea",
        "Enviat des del meu iPhone",
        "Στάλθηκε από το iPhone μου",
        "Надіслано з iPhone",
        "נשלח מה-iPhone שלי",
        "\u202bנשלח מה-iPhone שלי\u202c",
        "أرسلت من الـ iPhone",
        "أُرسلت من الـ iPhone",
        "Đã gửi từ iPhone của tôi",
        "Được gửi từ iPhone của tôi",
        "Dikirim dari iPhone saya",
        "ส่งจาก iPhone ของฉัน",
        "मेरे iPhone से भेजा गया",
        "Lähetetty iPhonesta",
        "Sendt fra min iPhone",
        "iPhone'umdan gönderildi",
        "나의 iPhone에서 보냄",
        "從我的 iPhone 傳送",
    ],
)
def test_a_phones_line_goes_in_any_of_its_languages(line: str) -> None:
    """As iOS writes it."""
    assert text_of(without(of_text(f"Yes.\n\n{line}"))) == "Yes.\n"


@pytest.mark.parametrize(
    "line",
    [
        f"Sent from Mail{_WINDOWS} for Windows",
        f"Sent from Mail {_WINDOWS} for Windows 10",
        f"Sent from Mail\n{_WINDOWS} for\nWindows 10",
        f"Gesendet von Mail{_WINDOWS} für Windows",
        f"Provenance : Courrier{_WINDOWS} pour Windows",
        "Provenance : Courrier pour Windows 10",
        f"Enviado desde Correo{_WINDOWS} para Windows",
        f"Inviato da Posta{_WINDOWS} per Windows",
        f"Verzonden vanuit Mail{_WINDOWS} voor Windows",
        f"Trimis din Mail{_WINDOWS} pentru Windows",
        f"Skickades från E-post{_WINDOWS} för Windows",
        f"Get Outlook for Android{_ANDROID}",
        f"Verzonden vanaf Outlook voor Android{_ANDROID}",
        f"Androidos Outlookból{_ANDROID} küldve",
        f"Senda úr Outlook fyrir Android {_ANDROID}",
        "Sent from Yahoo Mail for iPhone<https://overview.mail.yahoo.com/?.src=iOS>",
        "Sent from Yahoo Mail. Get the app",
        "Yahoo Mail: Search, Organize, Conquer",
        "Yahoo Mail: zoeken, ordenen, overwinnen<https://mail.onelink.me/107872968?pid=NativePlacement>",
        "[Sent from Yahoo Mail on Android](https://overview.mail.yahoo.com/mobile/?.src=Android)",
        "Sent from AOL Mobile Mail",
        "Sent from AOL Mobile Mail\nGet the new AOL app: mail.mobile.aol.com",
        "Sent from the all new AOL app for iOS",
        "Sent from the new AOL-app for Android",
    ],
)
def test_a_programs_line_goes_with_its_link(line: str) -> None:
    """Wrapped or not, and in a language without a row in the table if the link is one that programs sign with."""
    assert text_of(without(of_text(f"Yes.\n\n{line}\n"))) == "Yes.\n"


@pytest.mark.parametrize(
    "text",
    [
        "The log was sent from the Android app <https://shop.example.com/app> and not from iOS.",
        f"Yes.\nInstall Outlook for Android {_ANDROID}",
        f"Install Outlook for Android {_ANDROID}",
        f"Yes.\n\nInstall Outlook for Android {_ANDROID}.",
        f"Please tell the others to install Outlook for Android from here as well {_ANDROID}",
        "Install Outlook for Android https://aka.ms/AAb9ysg",
        "See the windows <https://shop.example.com/windows>",
        "Outlook <https://aka.ms/another>",
        f"{_ANDROID}",
        "Provenance : Samsung Galaxy S22",
        "Sent from the new Windows machine, as far as we know, by nobody",
        "Yes.\n\nSent from Mail\n\nfor Windows",
        "x" * 2000 + f" Outlook {_ANDROID}",
    ],
)
def test_prose_with_such_words_or_links_stays(text: str) -> None:
    """A sentence of the author's is never a program's line."""
    assert text_of(without(of_text(text))) == text
