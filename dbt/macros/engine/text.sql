{# Text functions that engines spell differently. Patterns: no backslashes ([0-9], [.]), they differ too. #}

{# Replaces every match; `\1` in the replacement is the first group. #}
{% macro regexp_replace_all(value, pattern, replacement="") -%}
    {{ return(adapter.dispatch("regexp_replace_all")(value, pattern, replacement)) }}
{%- endmacro %}

{% macro duckdb__regexp_replace_all(value, pattern, replacement) -%}
    regexp_replace({{ value }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro default__regexp_replace_all(value, pattern, replacement) -%}
    regexp_replace({{ value }}, '{{ pattern }}', '{{ replacement | replace("\\\\", "$") }}')
{%- endmacro %}

{# True when the pattern occurs somewhere in the value. #}
{% macro regexp_contains(value, pattern) -%}
    {{ return(adapter.dispatch("regexp_contains")(value, pattern)) }}
{%- endmacro %}

{% macro duckdb__regexp_contains(value, pattern) -%}
    regexp_matches({{ value }}, '{{ pattern }}')
{%- endmacro %}

{% macro default__regexp_contains(value, pattern) -%}
    {{ value }} rlike '{{ pattern }}'
{%- endmacro %}

{# The n-th group of the first match; the empty text without a match. #}
{% macro regexp_group(value, pattern, group) -%}
    {{ return(adapter.dispatch("regexp_group")(value, pattern, group)) }}
{%- endmacro %}

{% macro default__regexp_group(value, pattern, group) -%}
    regexp_extract({{ value }}, '{{ pattern }}', {{ group }})
{%- endmacro %}

{# SHA-256 of a text, 64 hexadecimal digits. #}
{% macro sha256_hex(value) -%}
    {{ return(adapter.dispatch("sha256_hex")(value)) }}
{%- endmacro %}

{% macro duckdb__sha256_hex(value) -%}
    sha256({{ value }})
{%- endmacro %}

{% macro default__sha256_hex(value) -%}
    sha2({{ value }}, 256)
{%- endmacro %}

{# The n-th part (from 1) of a text cut at a separator; the empty text beyond the last. #}
{% macro text_part(value, separator, position) -%}
    {{ return(adapter.dispatch("text_part")(value, separator, position)) }}
{%- endmacro %}

{% macro default__text_part(value, separator, position) -%}
    split_part({{ value }}, '{{ separator }}', {{ position }})
{%- endmacro %}

{# Edits between two texts. Fold to ASCII first: some engines count bytes. #}
{% macro edit_distance(a, b) -%}
    {{ return(adapter.dispatch("edit_distance")(a, b)) }}
{%- endmacro %}

{% macro default__edit_distance(a, b) -%}
    levenshtein({{ a }}, {{ b }})
{%- endmacro %}

{# One form for letters that Unicode can write in two ways (ü as one sign or as u and two dots). #}
{% macro unicode_nfc(value) -%}
    {{ return(adapter.dispatch("unicode_nfc")(value)) }}
{%- endmacro %}

{% macro duckdb__unicode_nfc(value) -%}
    nfc_normalize({{ value }})
{%- endmacro %}

{% macro default__unicode_nfc(value) -%}
    {{ value }}
{%- endmacro %}

{# True for a text of ASCII letters, digits and signs only. #}
{% macro is_ascii(value) -%}
    {{ return(adapter.dispatch("is_ascii")(value)) }}
{%- endmacro %}

{% macro duckdb__is_ascii(value) -%}
    strlen({{ value }}) = length({{ value }})
{%- endmacro %}

{% macro default__is_ascii(value) -%}
    octet_length({{ value }}) = length({{ value }})
{%- endmacro %}

{# True when two texts of words parted by single blanks have a word of three or more letters in common. #}
{% macro words_overlap(a, b) -%}
    {{ return(adapter.dispatch("words_overlap")(a, b)) }}
{%- endmacro %}

{% macro duckdb__words_overlap(a, b) -%}
    list_has_any(
        list_filter(string_split({{ a }}, ' '), lambda word: length(word) > 2),
        list_filter(string_split({{ b }}, ' '), lambda word: length(word) > 2)
    )
{%- endmacro %}

{% macro default__words_overlap(a, b) -%}
    arrays_overlap(
        filter(split({{ a }}, ' '), word -> length(word) > 2),
        filter(split({{ b }}, ' '), word -> length(word) > 2)
    )
{%- endmacro %}

{# True when two texts consist of the same letters in any order. #}
{% macro same_letters(a, b) -%}
    {{ return(adapter.dispatch("same_letters")(a, b)) }}
{%- endmacro %}

{% macro duckdb__same_letters(a, b) -%}
    list_sort(string_split({{ a }}, '')) = list_sort(string_split({{ b }}, ''))
{%- endmacro %}

{% macro default__same_letters(a, b) -%}
    array_sort(split({{ a }}, '')) = array_sort(split({{ b }}, ''))
{%- endmacro %}

{# One hash of several values of any type, nulls included; equal values give equal hashes. #}
{% macro content_hash(values) -%}
    {{ return(adapter.dispatch("content_hash")(values)) }}
{%- endmacro %}

{% macro duckdb__content_hash(values) -%}
    md5_number({{ joined_values(values) }})
{%- endmacro %}

{% macro default__content_hash(values) -%}
    md5({{ joined_values(values) }})
{%- endmacro %}

{# A whole number of 64 bits made of several values; different values rarely give the same. #}
{% macro block_hash(values) -%}
    {{ return(adapter.dispatch("block_hash")(values)) }}
{%- endmacro %}

{% macro duckdb__block_hash(values) -%}
    hash({{ values | join(", ") }})
{%- endmacro %}

{% macro default__block_hash(values) -%}
    xxhash64({{ values | join(", ") }})
{%- endmacro %}

{# A whole number that stands for a row by its own key alone, from 0; other rows have no say in it. #}
{% macro row_number_of(key) -%}
    {{ return(adapter.dispatch("row_number_of")(key)) }}
{%- endmacro %}

{% macro duckdb__row_number_of(key) -%}
    cast(hash({{ key }}) >> 1 as bigint)
{%- endmacro %}

{% macro default__row_number_of(key) -%}
    shiftrightunsigned(xxhash64({{ key }}), 1)
{%- endmacro %}

{# A number with one bit set that stands for the first letter: bit_or collects letters, bit_count counts them. #}
{% macro letter_bit(text) -%}
    {{ return(adapter.dispatch("letter_bit")(text)) }}
{%- endmacro %}

{% macro duckdb__letter_bit(text) -%}
    case when {{ text }} <> '' then cast(1 as bigint) << (unicode({{ text }}) % 62) end
{%- endmacro %}

{% macro default__letter_bit(text) -%}
    case when {{ text }} <> '' then shiftleft(cast(1 as bigint), ascii({{ text }}) % 62) end
{%- endmacro %}
