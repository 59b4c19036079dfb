select
    z_kasse_id,
    z_erstellung,
    z_nr,
    concat_ws(' ', coalesce(nullif(trim(loc_name), ''), z_kasse_id), nullif(trim(loc_plz), '')) as location_id
from {{ latest_version("shop__locations") }} as current_locations
