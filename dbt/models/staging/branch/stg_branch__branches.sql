select
    branch_id,
    name,
    street,
    postal_code,
    city
from {{ latest_version("branch__branch") }} as current_branches
