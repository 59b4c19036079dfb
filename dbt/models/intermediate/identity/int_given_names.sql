with names as (
    select
        first_key,
        count(*) as record_count
    from {{ ref("int_records_normalised") }}
    where first_key is not null and kind = 'person'
    group by first_key
),

words as (
    select
        first_key,
        {{ list_rows(text_to_list("first_key", " ")) }} as word
    from names
),

-- A name belongs to its own class and to those of its variants: Hans to hans, johannes, johann.
classes as (
    select
        words.first_key,
        words.word,
        words.word as name_class
    from words

    union

    select
        words.first_key,
        words.word,
        {{ list_rows("name_words.name_classes") }} as name_class
    from words
    inner join {{ ref("int_name_words") }} as name_words on words.word = name_words.word
),

listed as (
    select
        first_key,
        {{ list_agg_sorted("case when length(word) > 1 then word end") }} as words,
        {{ list_agg_sorted("case when length(word) > 1 then name_class end") }} as name_classes
    from classes
    group by first_key
),

first_words as (
    select
        {{ text_part("first_key", " ", 1) }} as first_word,
        sum(record_count) as record_count
    from names
    group by {{ text_part("first_key", " ", 1) }}
)

select
    names.first_key,
    first_words.first_word,
    cast(first_words.record_count as bigint) as record_count,
    listed.words,
    listed.name_classes,
    name_words.sound
from names
inner join first_words on {{ text_part("names.first_key", " ", 1) }} = first_words.first_word
left join listed on names.first_key = listed.first_key
left join {{ ref("int_name_words") }} as name_words on first_words.first_word = name_words.word
