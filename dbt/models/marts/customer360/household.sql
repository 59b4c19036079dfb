with members as (
    select * from {{ ref("int_household_addressees") }}
),

sizes as (
    select
        household_id,
        cast(count(*) as integer) as member_count,
        cast(sum(case when is_adult then 1 else 0 end) as integer) as adult_count,
        sum(case when is_addressed then 1 else 0 end) as addressed_count,
        count(distinct case when is_addressed then last_key end) as name_count,
        {{ list_agg_sorted("customer_id") }} as member_customer_ids
    from members
    group by household_id
),

-- Who refused post ranks behind everybody else of age, so the addressed are the first.
letters as (
    select
        firsts.*,
        seconds.first_name as second_first_name,
        seconds.last_name as second_last_name,
        seconds.full_name as second_full_name,
        seconds.salutation_line as second_salutation_line
    from members as firsts
    left join members as seconds
        on firsts.household_id = seconds.household_id and seconds.letter_rank = 2 and seconds.is_addressed
    where firsts.letter_rank = 1
)

select
    letters.household_id,
    letters.last_name,
    case when letters.is_addressed then letters.customer_id end as recipient_customer_id,
    case
        when not letters.is_addressed then null
        when sizes.addressed_count = 1 then letters.full_name
        when sizes.addressed_count > 2 then 'Familie ' || letters.last_name
        when sizes.name_count > 1 or letters.first_name is null or letters.second_first_name is null
            then letters.full_name || ' und ' || letters.second_full_name
        else letters.first_name || ' und ' || letters.second_first_name || ' ' || letters.last_name
    end as address_line,
    case
        when not letters.is_addressed then null
        when sizes.addressed_count = 1 then letters.salutation_line || ','
        when sizes.addressed_count > 2 then 'Liebe Familie ' || letters.last_name || ','
        else
            letters.salutation_line || ', ' || lower(left(letters.second_salutation_line, 1))
            || substr(letters.second_salutation_line, 2) || ','
    end as salutation_line,
    letters.street,
    letters.house_no,
    letters.postal_code,
    letters.city,
    letters.country,
    letters.is_addressed and letters.post_consent = 'granted' as may_post,
    sizes.member_count,
    sizes.adult_count,
    sizes.member_customer_ids
from letters
inner join sizes on letters.household_id = sizes.household_id
