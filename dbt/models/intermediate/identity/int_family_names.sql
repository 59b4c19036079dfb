with names as (
    select
        last_key,
        count(*) as record_count
    from {{ ref("int_records_normalised") }}
    where last_key is not null and kind = 'person'
    group by last_key
),

words as (
    select
        last_key,
        {{ list_rows(text_to_list("last_key", " ")) }} as word
    from names
),

listed as (
    select
        words.last_key,
        {{ list_agg_sorted("words.word") }} as words,
        {{ list_agg_sorted("nullif(name_words.sound, '')") }} as sounds
    from words
    left join {{ ref("int_name_words") }} as name_words on words.word = name_words.word
    where length(words.word) > 1
    group by words.last_key
)

select
    names.last_key,
    names.record_count,
    listed.words,
    listed.sounds
from names
left join listed on names.last_key = listed.last_key
