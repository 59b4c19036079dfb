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
        cast(as_of_date as {{ dbt.type_string() }}) as run_id,
        source,
        table_name,
        'row_meets_the_contract' as rule,
        'warn' as severity,
        cast(sum(rows_read) as bigint) as checked,
        cast(sum(rows_quarantined) as bigint) as failed,
        sum(rows_quarantined) = 0 as passed,
        'rejected rows stand in the quarantine with their reason' as details
    from {{ source("raw", "ingestion_load") }}
    group by as_of_date, source, table_name
    having sum(rows_read) > 0
    union all
    select
        cast(as_of_date as {{ dbt.type_string() }}) as run_id,
        source,
        table_name,
        'file_can_be_read' as rule,
        'warn' as severity,
        cast(sum(files_read) + sum(files_refused) as bigint) as checked,
        cast(sum(files_refused) as bigint) as failed,
        sum(files_refused) = 0 as passed,
        'refused files stand in the quarantine with their reason' as details
    from {{ source("raw", "ingestion_load") }}
    group by as_of_date, source, table_name
    having sum(files_read) + sum(files_refused) > 0
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
