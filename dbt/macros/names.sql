{# A name in one field: "Maria Meier", "Meier, Maria", "Dr. Maria von der Heide". Null for an empty field. #}

{% macro first_name_of(name) -%}
    {{ clean_text(
        "case when " ~ name ~ " like '%,%' then " ~ regexp_group(name, "^[^,]*,(.*)$", 1)
        ~ " when trim(" ~ name ~ ") like '% %' then " ~ regexp_group("trim(" ~ name ~ ")", full_name_pattern(), 1)
        ~ " end"
    ) }}
{%- endmacro %}

{% macro last_name_of(name) -%}
    {{ clean_text(
        "case when " ~ name ~ " like '%,%' then " ~ text_part(name, ",", 1)
        ~ " when trim(" ~ name ~ ") like '% %' then " ~ regexp_group("trim(" ~ name ~ ")", full_name_pattern(), 2)
        ~ " else " ~ name ~ " end"
    ) }}
{%- endmacro %}

{# Given names, then the last word with the particles before it ("von der Heide"). #}
{% macro full_name_pattern() -%}
    {{ return("^(.*?) ((?:(?:[Vv][ao]n|[Vv]om|[Zz]u[rm]?|[Dd]e[rns]?|[Tt]en|[Tt]er|[Dd]el|[Dd][ia]|[Ll][ae]) )*[^ ]+)$") }}
{%- endmacro %}

{# The linter cannot parse calls nested as deep as there are letters or digits to fold; it is shown fewer. #}
{% macro nesting_limit() -%}
    {{ return(2 if target.name == "lint" else 1000) }}
{%- endmacro %}

{# Lower case text that was written as UTF-8 and read as Latin-1 ("MÃ¼ller") as it was meant. #}
{% macro repair_mojibake(value) -%}
    {%- if target.name == "lint" -%}{{ return("lower(" ~ value ~ ")") }}{%- endif -%}
    {%- set low = "lower(" ~ value ~ ")" -%}
    {%- set ns = namespace(sql=low) -%}
    {%- for broken, letter in [
        ("ã¤", "ä"), ("ã¶", "ö"), ("ã¼", "ü"), ("ãÿ", "ß"), ("ã\u009f", "ß"), ("ã„", "ä"), ("ã\u0084", "ä"), ("ã–", "ö"),
        ("ã\u0096", "ö"), ("ãœ", "ü"), ("ã\u009c", "ü"), ("ã©", "é"), ("ã¨", "è"), ("ã«", "ë"), ("ã¡", "á"), ("ã§", "ç"),
        ("ã³", "ó"), ("ã±", "ñ"),
    ] -%}
        {%- set ns.sql = "replace(" ~ ns.sql ~ ", '" ~ broken ~ "', '" ~ letter ~ "')" -%}
    {%- endfor -%}
    case when {{ low }} like '%ã%' then {{ ns.sql }} else {{ low }} end
{%- endmacro %}

{#
    Lower case ASCII: ä → ae, ß → ss, accents dropped. What is neither letter nor digit is left as it is. Most texts are
    ASCII already and cost next to nothing.
#}
{% macro fold_text(value) -%}
    {%- if target.name == "lint" -%}{{ return("lower(" ~ value ~ ")") }}{%- endif -%}
    {%- set ns = namespace(sql="lower(" ~ unicode_nfc(value) ~ ")") -%}
    {%- for letter, plain in [
        ("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("ø", "oe"), ("å", "aa"), ("þ", "th")
    ] -%}
        {%- set ns.sql = "replace(" ~ ns.sql ~ ", '" ~ letter ~ "', '" ~ plain ~ "')" -%}
    {%- endfor -%}
    case
        when {{ is_ascii(value) }} then lower({{ value }})
        else translate({{ ns.sql }}, 'áàâãāăąéèêëēėęěíìîïīıóòôõōőúùûūůűýÿçćčñńňłľśšşșźžżřŕğģďđťţț', 'aaaaaaaeeeeeeeeiiiiiioooooouuuuuuyycccnnnllsssszzzrrggddttt')
    end
{%- endmacro %}

{#
    Comparable name: folded words without titles, particles and remarks, one blank between them. "ae", "oe", "ue"
    become "a", "o", "u", "ph" becomes "f", so "Müller", "Mueller" and "Muller" agree, "Stephan" and "Stefan" too.
    A script without Latin letters stays as it is; 60 letters are enough to tell names apart.
#}
{% macro name_key(name) -%}
    {%- set whole = regexp_replace_all(repair_mojibake("left(" ~ name ~ ", 120)"), "[(][^)]*[)]|[(].*$", " ") -%}
    {%- set folded = regexp_replace_all(fold_text(whole), "[^a-z0-9\u0370-\u1fff\u3040-\ud7ff]+|[0-9]+", "  ") -%}
    {%- set words = regexp_replace_all(
        "' ' || " ~ folded ~ " || ' '",
        " (dr|prof|professor|dipl|ing|med|jur|phil|mag|msc|bsc|mba|herrn?|hr|frau|fr|familie|fam|eheleute|jun|jr|junior|sen|sr|senior|von|van|vom|v|zu|zur|zum|de|der|den|ter|ten|del|di|da|la|le|und|geb|geborene|verst|verstorben|gesperrt|doppelt|dublette|alt|neu|inaktiv) ",
        " "
    ) -%}
    nullif(left(trim({{ regexp_replace_all(regexp_replace_all("replace(" ~ words ~ ", 'ph', 'f')", "([aou])e", "\\1"), " +", " ") }}), 60), '')
{%- endmacro %}

{# Comparable company: folded words without legal form, joined: "Müller & Söhne GmbH & Co. KG" → "mullersohne". #}
{% macro company_key(name) -%}
    {%- set folded = regexp_replace_all(fold_text(repair_mojibake("left(" ~ name ~ ", 120)")), "[^a-z0-9\u0370-\u1fff\u3040-\ud7ff]+", "  ") -%}
    {%- set words = regexp_replace_all(
        "' ' || " ~ folded ~ " || ' '",
        " (" ~ legal_forms() ~ "|se|co|inh|inhaber|firma|fa|und|u|and|g  m  b  h) ",
        " "
    ) -%}
    nullif({{ regexp_replace_all(regexp_replace_all(words, "([aou])e", "\\1"), " +", "") }}, '')
{%- endmacro %}

{# Legal forms as folded words; two blanks stand for a dot. #}
{% macro legal_forms() -%}
    {{ return(
        "gmbh|mbh|ggmbh|ag|aktiengesellschaft|kg|kgaa|ohg|og|ug|haftungsbeschraenkt|haftungsbeschrankt|gbr|e  k|ek|e  kfm"
        ~ "|ekfm|e  u|eu|e  v|ev|eg|ltd|inc|llc|sarl|sa|kollektivgesellschaft|verein"
    ) }}
{%- endmacro %}

{# True for a name that ends in a legal form: forms without a field for companies hold them as family name. #}
{% macro is_company_name(name) -%}
    {{ regexp_contains(
        name,
        "(?i)([ .](gmbh|mbh|ag|kg|ohg|ug|gbr|e[.] ?k[.]?|e[.] ?u[.]?|e[.] ?v[.]?|ltd[.]?|aktiengesellschaft|kollektivgesellschaft|[(]haftungsbeschr)|g[.]m[.]b[.]h)([ .,)&]|$)|^ *(fa[.]|firma) "
    ) }}
{%- endmacro %}

{#
    True when one name can be another spelling of the other: other blanks, or a typing error behind the same first
    letter (one edit in a name of four letters or more, two in one of eight or more, two letters swapped). A given
    name that only lengthens the other, or differs in its last letter alone, is another name: Martin/Martina,
    Andrea/Andreas, Julian/Juliana, Maria/Mario.
#}
{% macro is_other_spelling(a, b, given=false) -%}
    (
        replace({{ a }}, ' ', '') = replace({{ b }}, ' ', '')
        or (
            least(length({{ a }}), length({{ b }})) >= 4
            and abs(length({{ a }}) - length({{ b }})) <= 2
            and (left({{ a }}, 1) = left({{ b }}, 1) or right({{ a }}, 3) = right({{ b }}, 3))
            {%- if given %}
            and not starts_with({{ a }}, {{ b }})
            and not starts_with({{ b }}, {{ a }})
            and left({{ a }}, length({{ a }}) - 1) <> left({{ b }}, length({{ b }}) - 1)
            {%- endif %}
            and (
                {{ edit_distance(a, b) }} <= case when least(length({{ a }}), length({{ b }})) >= 8 then 2 else 1 end
                or ({{ edit_distance(a, b) }} = 2 and {{ same_letters(a, b) }})
            )
        )
    )
{%- endmacro %}

{# Records that stand for nobody: walk-in customers, test records, till placeholders. #}
{% macro is_junk_name(first_key, last_key, company_key) -%}
    (
        coalesce({{ last_key }}, {{ first_key }}, '') in (
            'laufkunde', 'laufkundschaft', 'barverkauf', 'barkunde', 'barzahler', 'bar verkauf', 'bar kunde', 'diverse',
            'divers', 'diverse kunden', 'unbekannt', 'kasse', 'test', 'tester', 'testkunde', 'test kunde', 'testperson',
            'kunde', 'anonym', 'gast', 'mustermann', 'musterfrau', 'dummy', 'na', 'nn', 'n n', 'xx', 'xxx', 'xxxx',
            'asdf', 'storno', 'schulung', 'nachname', 'vorname', 'kunde test', 'kunde unbekannt', 'unbekannt kunde'
        )
        or coalesce({{ first_key }}, '') in ('test', 'laufkunde', 'barverkauf', 'vorname', 'nachname')
        or coalesce({{ company_key }}, '') in ('test', 'testfirma', 'laufkunde', 'barverkauf', 'diverse', 'muster', 'mustermann')
    )
{%- endmacro %}
