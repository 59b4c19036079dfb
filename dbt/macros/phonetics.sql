{#
    Kölner Phonetik (Postel 1969) of a folded word: words that sound alike in German get the same digits,
    Meier/Mayer/Maier 67, Schmidt/Schmitt 862. Costly: for distinct words, not for rows. Empty for a word without
    Latin letters.
#}
{% macro cologne_phonetics(word) -%}
    {%- set ns = namespace(sql=regexp_replace_all(word, "[^a-z]", "")) -%}
    {#- What depends on the neighbours: d and t before a hissing sound, x, c. -#}
    {%- for pattern, digits in [
        ("[dt]([csz])", "8\\1"), ("([ckq])x", "\\1" ~ "8"), ("x", "48"), ("([sz])c", "\\1" ~ "8"),
        ("^c([ahkloqrux])", "4\\1"), ("^c", "8"), ("c([ahkoqux])", "4\\1"), ("c", "8"),
    ][:nesting_limit()] -%}
        {%- set ns.sql = regexp_replace_all(ns.sql, pattern, digits) -%}
    {%- endfor -%}
    {%- set ns.sql = "translate(replace(" ~ ns.sql ~ ", 'h', ''), 'aeijouybpdtfvwgkqlmnrsz', '00000001122333444566788')" -%}
    {%- for digit in "0123456789"[:nesting_limit()] -%}
        {%- set ns.sql = regexp_replace_all(ns.sql, digit ~ digit ~ "+", digit) -%}
    {%- endfor -%}
    {#- Vowels count at the beginning only. -#}
    left({{ ns.sql }}, 1) || replace(substr({{ ns.sql }}, 2), '0', '')
{%- endmacro %}
