with texts as (
    select first_name as name from {{ ref("int_source_records") }}

    union

    select last_name from {{ ref("int_source_records") }}
),

keyed as (
    select
        name,
        {{ name_key("name") }} as name_key
    from texts
    where name is not null
)

-- Names repeat, so what is costly is done once per name and not once per record. Names without key stay: a filter on
-- the key would be evaluated on the records.
select
    name,
    name_key,
    {{ text_part("name_key", " ", 1) }} as first_word,
    {{ regexp_replace_all("name_key", "^.* ", "") }} as last_word,
    {{ is_company_name("name") }} as is_company_name,
    case when {{ is_company_name("name") }} then {{ company_key("name") }} end as company_key,
    name like '%,%' as has_comma
from keyed
