with results as (
    select
        run_id,
        source,
        table_name,
        rule,
        severity,
        checked,
        failed,
        passed,
        details
    from {{ source("quality", "check_result") }}
    union all
    select
        '{{ var("as_of") }}' as run_id,
        source,
        table_name,
        rule,
        'warn' as severity,
        checked,
        failed,
        failed = 0 as passed,
        cast(null as {{ dbt.type_string() }}) as details
    from {{ ref("int_integrity_results") }}
)

select
    run_id,
    source,
    table_name,
    rule,
    severity,
    checked,
    failed,
    round(100.0 * {{ divide("(checked - failed)", "checked") }}, 4) as quality_pct,
    passed,
    details
from results
