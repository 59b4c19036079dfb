/*
The company that a company belongs to, where sure: it says so in its name ("… Niederlassung Leipzig", "… Filiale Süd")
and one company bears the rest of the name, or it shares its VAT id with others; the one known best is the head.
*/
with companies as (
    select
        customer_id,
        'a_' || substr(customer_id, 3) as account_id,
        {{ company_key("company_name") }} as company_key,
        vat_id,
        row_number() over (
            partition by vat_id order by record_count desc, first_seen_at asc nulls last, customer_id asc
        ) as vat_rank
    from {{ ref("int_golden_records") }}
    where kind = 'company' and not is_junk
),

-- A name that two companies bear says nothing.
named as (
    select
        company_key,
        min(account_id) as account_id
    from companies
    where company_key is not null
    group by company_key
    having count(*) = 1
),

parts as (
    select
        account_id,
        nullif({{ regexp_group(
            "company_key", "^(.+?)(zweigniederlassung|niederlassung|filiale|zweigstelle|betriebsstatte|standort)", 1
        ) }}, '') as whole_key
    from companies
),

links as (
    select
        parts.account_id,
        named.account_id as parent_account_id,
        'company_name' as linked_by,
        1 as link_rank
    from parts
    inner join named on parts.whole_key = named.company_key

    union all

    select
        companies.account_id,
        firsts.account_id,
        'vat_id',
        2
    from companies
    inner join companies as firsts on companies.vat_id = firsts.vat_id and firsts.vat_rank = 1
    where companies.vat_rank > 1
),

ranked as (
    select
        *,
        row_number() over (partition by account_id order by link_rank, parent_account_id) as preference
    from links
    where account_id <> parent_account_id
)

-- One level: a company that is a part has no parts of its own.
select
    ranked.account_id,
    ranked.parent_account_id,
    ranked.linked_by
from ranked
left join ranked as upper_links
    on ranked.parent_account_id = upper_links.account_id and upper_links.preference = 1
where
    ranked.preference = 1
    and (upper_links.parent_account_id is null or upper_links.parent_account_id <> ranked.account_id)
