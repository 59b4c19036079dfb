with names as (
    select * from {{ ref("int_names") }}
),

records as (
    select
        first_name,
        last_name
    from {{ ref("int_source_records") }}
    where first_name is not null and last_name is not null
),

uses as (
    select name, sum(first_uses) as first_uses, sum(last_uses) as last_uses
    from (
        select first_name as name, count(*) as first_uses, 0 as last_uses from records
        group by first_name

        union all

        select last_name, 0, count(*) from records
        group by last_name
    ) as used
    group by name
),

words as (
    select
        names.name,
        {{ list_rows(text_to_list("names.name_key", " ")) }} as word
    from names
),

counted as (
    select
        words.word,
        coalesce(sum(uses.first_uses), 0) as first_uses,
        coalesce(sum(uses.last_uses), 0) as last_uses
    from words
    left join uses on words.name = uses.name
    where words.word <> ''
    group by words.word
),

classes as (
    select
        {{ name_key("variant") }} as word,
        {{ list_agg_sorted(name_key("name_class")) }} as name_classes
    from {{ ref("name_variants") }}
    group by {{ name_key("variant") }}
)

select
    counted.word,
    cast(counted.first_uses as bigint) as first_uses,
    cast(counted.last_uses as bigint) as last_uses,
    {{ cologne_phonetics("counted.word") }} as sound,
    classes.name_classes
from counted
left join classes on counted.word = classes.word
