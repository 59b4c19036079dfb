with locations as (
    select * from {{ latest_version("shop__locations") }} as current_locations
),

named as (
    select
        concat_ws(' ', coalesce(nullif(trim(loc_name), ''), z_kasse_id), nullif(trim(loc_plz), '')) as location_id,
        coalesce(nullif(trim(loc_name), ''), z_kasse_id) as name,
        nullif(trim(loc_strasse), '') as street,
        nullif(trim(loc_plz), '') as postal_code,
        nullif(trim(loc_ort), '') as city,
        nullif(trim(loc_land), '') as country,
        row_number() over (
            partition by concat_ws(' ', coalesce(nullif(trim(loc_name), ''), z_kasse_id), nullif(trim(loc_plz), ''))
            order by z_erstellung desc, z_kasse_id desc, z_nr desc
        ) as version_rank
    from locations
)

select
    location_id,
    name,
    street,
    postal_code,
    city,
    country
from named
where version_rank = 1
