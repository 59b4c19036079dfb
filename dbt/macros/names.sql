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

{# Lower case ASCII: ä → ae, ß → ss, accents dropped. What is neither letter nor digit is left as it is. #}
{% macro fold_text(value) -%}
    {%- set ns = namespace(sql="lower(" ~ unicode_nfc(value) ~ ")") -%}
    {%- for letter, plain in [
        ("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("æ", "ae"), ("œ", "oe"), ("ø", "oe"), ("å", "aa"), ("þ", "th")
    ] -%}
        {%- set ns.sql = "replace(" ~ ns.sql ~ ", '" ~ letter ~ "', '" ~ plain ~ "')" -%}
    {%- endfor -%}
    translate({{ ns.sql }}, 'áàâãāăąéèêëēėęěíìîïīıóòôõōőúùûūůűýÿçćčñńňłľśšşșźžżřŕğģďđťţț', 'aaaaaaaeeeeeeeeiiiiiioooooouuuuuuyycccnnnllsssszzzrrggddttt')
{%- endmacro %}

{#
    Comparable name: folded words without titles and particles, one blank between them. "ae", "oe", "ue" become
    "a", "o", "u", "ph" becomes "f", so "Müller", "Mueller" and "Muller" agree, "Stephan" and "Stefan" too.
#}
{% macro name_key(name) -%}
    {%- set folded = regexp_replace_all(fold_text(name), "[^a-z]+", "  ") -%}
    {%- set words = regexp_replace_all(
        "' ' || " ~ folded ~ " || ' '",
        " (dr|prof|professor|dipl|ing|med|jur|phil|mag|msc|bsc|mba|herr|frau|familie|fam|jun|jr|sen|sr|von|van|vom|zu|zur|zum|de|der|den|ter|ten|del|di|da|la|le|und) ",
        " "
    ) -%}
    nullif(trim({{ regexp_replace_all(regexp_replace_all("replace(" ~ words ~ ", 'ph', 'f')", "([aou])e", "\\1"), " +", " ") }}), '')
{%- endmacro %}

{# Comparable company: folded words without legal form, joined: "Müller & Söhne GmbH & Co. KG" → "mullersohne". #}
{% macro company_key(name) -%}
    {%- set folded = regexp_replace_all(fold_text(name), "[^a-z0-9]+", "  ") -%}
    {%- set words = regexp_replace_all(
        "' ' || " ~ folded ~ " || ' '",
        " (gmbh|mbh|ggmbh|ag|kg|kgaa|ohg|ug|haftungsbeschraenkt|gbr|e  k|ek|e  kfm|ekfm|e  v|ev|eg|se|co|ltd|inc|llc|sarl|sa|inh|inhaber|firma|fa|und|and|g  m  b  h) ",
        " "
    ) -%}
    nullif({{ regexp_replace_all(regexp_replace_all(words, "([aou])e", "\\1"), " +", "") }}, '')
{%- endmacro %}

{#
    True when one name can be another spelling of the other: a word in common, other blanks, or a typing error behind
    the same first letter (one edit in a name of four letters or more, two in one of eight or more, two letters
    swapped). A given name that only lengthens the other, or differs in its last letter alone, is another name:
    Martin/Martina, Andrea/Andreas, Julian/Juliana, Maria/Mario.
#}
{% macro is_other_spelling(a, b, given=false) -%}
    (
        {{ words_overlap(a, b) }}
        or replace({{ a }}, ' ', '') = replace({{ b }}, ' ', '')
        or (
            least(length({{ a }}), length({{ b }})) >= 4
            and left({{ a }}, 1) = left({{ b }}, 1)
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
            'laufkunde', 'laufkundschaft', 'barverkauf', 'barkunde', 'bar verkauf', 'bar kunde', 'diverse', 'divers',
            'diverse kunden', 'unbekannt', 'kasse', 'test', 'tester', 'testkunde', 'test kunde', 'testperson',
            'kunde', 'anonym', 'gast', 'mustermann', 'musterfrau', 'dummy', 'na', 'nn', 'n n', 'xx', 'xxx', 'xxxx', 'asdf'
        )
        or coalesce({{ first_key }}, '') in ('test', 'laufkunde', 'barverkauf')
        or coalesce({{ company_key }}, '') in ('test', 'testfirma', 'laufkunde', 'barverkauf', 'diverse', 'muster', 'mustermann')
    )
{%- endmacro %}
