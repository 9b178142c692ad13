"""Every statement that is sent to PostgreSQL by name, each with the grant it needs.

The role needs ``pg_monitor`` and, for ``pg_hba.conf``, SELECT on ``pg_hba_file_rules`` with EXECUTE
on the function of that name: ``readiness_kit/sql/readiness_probe_role.sql`` makes it.
"""

from enum import Enum
from typing import LiteralString


class Sql(Enum):
    """Every statement the probes may send, with the grant it needs beyond CONNECT."""

    SERVER = (
        """
        SELECT current_setting('server_version_num')::int AS version_num, current_user AS role,
               (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser,
               pg_is_in_recovery() AS in_recovery, pg_backend_pid() AS pid,
               inet_client_port() AS client_port,
               pg_database_size(current_database()) AS database_bytes,
               (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_directory
        """,
        "pg_monitor",
    )
    SOURCE = (
        """
        SELECT array(SELECT rolname::text FROM pg_roles
                     WHERE rolname !~ '^pg_' ORDER BY rolname) AS roles,
               array(SELECT rolname::text FROM pg_roles
                     WHERE rolsuper AND rolcanlogin ORDER BY oid) AS superusers,
               array(SELECT conname::text FROM pg_constraint WHERE NOT convalidated
                     UNION SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid)
                   AS invalid,
               current_setting('data_checksums') AS checksums,
               CASE WHEN pg_is_in_recovery() THEN 0 ELSE
                    ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int
               END AS timeline,
               (SELECT sum(pg_database_size(oid))::bigint FROM pg_database WHERE datallowconn)
                   AS cluster_bytes,
               (SELECT setting::int FROM pg_settings WHERE name = 'archive_timeout')
                   AS archive_timeout_s
        """,
        "pg_monitor",
    )
    SYSTEM = (
        "SELECT system_identifier::text AS system_identifier FROM pg_control_system()",
        "EXECUTE on pg_control_system()",
    )
    SETTINGS = (
        """
        SELECT name, setting AS value, unit, source, pending_restart,
               pg_backend_pid() AS pid, inet_client_port() AS client_port
        FROM pg_settings WHERE name = ANY(%(names)s) OR pending_restart
        """,
        "pg_monitor",
    )
    CLIENTS_17 = (
        """
        SELECT count(*) FILTER (WHERE backend_type = 'client backend') AS clients,
               count(*) FILTER (WHERE backend_type IS NULL) AS hidden,
               (SELECT num_timed FROM pg_stat_checkpointer) AS timed,
               (SELECT num_requested FROM pg_stat_checkpointer) AS requested
        FROM pg_stat_activity
        """,
        "pg_monitor",
    )
    CLIENTS = (
        """
        SELECT count(*) FILTER (WHERE backend_type = 'client backend') AS clients,
               count(*) FILTER (WHERE backend_type IS NULL) AS hidden,
               (SELECT checkpoints_timed FROM pg_stat_bgwriter) AS timed,
               (SELECT checkpoints_req FROM pg_stat_bgwriter) AS requested
        FROM pg_stat_activity
        """,
        "pg_monitor",
    )
    SESSIONS = (
        """
        SELECT current_setting('ssl_min_protocol_version') AS ssl_min_protocol_version,
               current_setting('password_encryption') AS password_encryption,
               (SELECT coalesce(jsonb_agg(to_jsonb(session)), '[]') FROM (
                    SELECT host(client_addr) AS address, ssl, backend_type IS NULL AS hidden
                    FROM pg_stat_activity LEFT JOIN pg_stat_ssl USING (pid)
                    WHERE pid <> pg_backend_pid()
                      AND (backend_type IS NULL OR (backend_type IN ('client backend', 'walsender')
                                                    AND client_addr IS NOT NULL))) AS session)
                   AS sessions
        """,
        "pg_monitor",
    )
    HBA_RULES = (
        """
        SELECT line_number AS line, type AS kind, database AS databases, user_name AS users,
               concat_ws('/', address, netmask) AS address, auth_method AS method, error
        FROM pg_hba_file_rules ORDER BY line_number
        """,
        "SELECT on pg_hba_file_rules and EXECUTE on pg_hba_file_rules()",
    )
    STANDBYS = (
        """
        SELECT application_name AS name, state, sync_state,
               CASE WHEN NOT pg_is_in_recovery()
                    THEN pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)::bigint END AS lag_bytes,
               extract(epoch FROM replay_lag)::float8 AS replay_lag_s
        FROM pg_stat_replication
        """,
        "pg_monitor",
    )
    PRIMARY = (
        """
        SELECT pg_is_in_recovery() AS in_recovery, pg_backend_pid() AS pid,
               inet_client_port() AS client_port,
               (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size')
                   AS slots_keep_mib,
               (SELECT coalesce(jsonb_agg(to_jsonb(slot) ORDER BY name), '[]') FROM (
                    SELECT slot_name AS name, slot_type AS kind, active, wal_status,
                           CASE WHEN NOT pg_is_in_recovery()
                                THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint
                           END AS retained_bytes
                    FROM pg_replication_slots) AS slot) AS slots
        """,
        "pg_monitor",
    )
    RECEIVER = (
        """
        SELECT pg_is_in_recovery() AS in_recovery, pg_backend_pid() AS pid,
               inet_client_port() AS client_port,
               (SELECT status FROM pg_stat_wal_receiver) AS receiver_status,
               (SELECT extract(epoch FROM clock_timestamp() - last_msg_receipt_time)::float8
                FROM pg_stat_wal_receiver) AS message_age_s,
               CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END AS replay_paused
        """,
        "pg_monitor",
    )
    ARCHIVER = (
        """
        SELECT archived_count, last_archived_wal,
               extract(epoch FROM clock_timestamp() - last_archived_time)::float8
                   AS last_archived_age_s,
               coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false)
                   AS failing,
               current_setting('archive_mode') AS archive_mode,
               (SELECT setting::int FROM pg_settings WHERE name = 'archive_timeout')
                   AS archive_timeout_s,
               (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size')
                   AS segment_bytes,
               pg_is_in_recovery() AS in_recovery,
               CASE WHEN NOT pg_is_in_recovery()
                    THEN (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint END AS position,
               waiting, oldest_waiting_age_s
        FROM pg_stat_archiver, (
            SELECT count(*) AS waiting,
                   extract(epoch FROM clock_timestamp() - min(modification))::float8
                       AS oldest_waiting_age_s
            FROM pg_ls_archive_statusdir() WHERE name LIKE '%%.ready') AS queue
        """,
        "pg_monitor",
    )
    POOL = (
        """
        SELECT application_name AS name, pid, backend_start, state, state_change,
               backend_type IS NULL AS hidden
        FROM pg_stat_activity
        WHERE backend_type IS NULL
           OR (backend_type = 'client backend' AND application_name = ANY(%(names)s))
        """,
        "pg_monitor",
    )
    ACTIVITY = (
        """
        SELECT count(*) AS connections,
               count(*) FILTER (WHERE state = 'active') AS active,
               count(*) FILTER (WHERE wait_event_type IN ('Lock', 'LWLock', 'IO', 'BufferPin'))
                   AS waiting,
               count(*) FILTER (WHERE backend_type IS NULL) AS hidden
        FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND (backend_type IS NULL OR backend_type = 'client backend')
        """,
        "pg_monitor",
    )
    CONNECTION_LIMITS = (
        """
        SELECT datname AS database, datconnlimit AS database_limit,
               (SELECT rolconnlimit FROM pg_roles WHERE rolname = %(role)s) AS role_limit,
               (SELECT rolsuper FROM pg_roles WHERE rolname = %(role)s) AS superuser,
               current_setting('max_connections')::int AS max_connections,
               current_setting('superuser_reserved_connections')::int AS reserved
        FROM pg_database WHERE datname = current_database()
        """,
        "CONNECT",
    )
    ROLES_OF_POOLS = (
        """
        SELECT DISTINCT usename AS role FROM pg_stat_activity
        WHERE application_name = ANY(%(names)s) AND usename IS NOT NULL ORDER BY usename
        """,
        "CONNECT",
    )
    ROLE_RIGHTS = (
        """
        SELECT rolname AS role, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls,
               current_database() AS database, coalesce(n, 0) AS tables, examples
        FROM pg_roles LEFT JOIN (
            SELECT relowner, count(*) AS n,
                   (array_agg(format('%%I.%%I', nspname, relname) ORDER BY nspname, relname))
                       [1:%(n)s] AS examples
            FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE relkind IN ('r', 'p', 'm', 'f') AND relpersistence <> 't'
            GROUP BY relowner) AS owned ON relowner = pg_roles.oid
        WHERE EXISTS (SELECT FROM pg_roles own WHERE own.rolname = %(role)s AND (
                          own.oid = pg_roles.oid
                          OR (NOT own.rolsuper AND pg_has_role(own.oid, pg_roles.oid, 'MEMBER'))))
        ORDER BY rolname
        """,
        "CONNECT",
    )
    STATEMENTS_OF_ROLE = (
        """
        SELECT sum(calls)::bigint AS calls
        FROM pg_stat_statements
        JOIN pg_roles ON pg_roles.oid = userid JOIN pg_database ON pg_database.oid = dbid
        WHERE datname = current_database() AND rolname <> current_user
          AND (%(role)s = '' OR rolname = %(role)s)
        """,
        "pg_read_all_stats, and the extension pg_stat_statements",
    )
    FUNCTIONS = (
        """
        SELECT nspname || '.' || proname AS name, lanname AS language, prosrc AS source,
               pg_get_function_arguments(p.oid) AS arguments
        FROM pg_proc AS p
        JOIN pg_namespace AS n ON n.oid = pronamespace JOIN pg_language AS l ON l.oid = prolang
        WHERE nspname NOT IN ('pg_catalog', 'information_schema')
          AND NOT EXISTS (SELECT FROM pg_depend
                          WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e')
        ORDER BY name
        """,
        "SELECT on pg_proc",
    )
    PLACES = (
        """
        SELECT pg_backend_pid() AS pid, inet_client_port() AS client_port,
               (SELECT setting FROM pg_settings WHERE name = 'data_directory') AS data_directory,
               current_setting('archive_mode') AS archive_mode,
               -- Of servers with transparent encryption (EDB's), which PostgreSQL itself has not.
               current_setting('data_encryption_version', true) AS encryption,
               ARRAY(SELECT pg_tablespace_location(oid) FROM pg_tablespace
                     WHERE pg_tablespace_location(oid) <> '') AS tablespaces
        """,
        "pg_monitor",
    )
    TABLESPACES = (
        """
        SELECT spcname AS name, pg_tablespace_location(oid) AS location
        FROM pg_tablespace WHERE pg_tablespace_location(oid) <> ''
        """,
        "SELECT on pg_tablespace",
    )
    REPMGR = (
        """
        SELECT pg_is_in_recovery() AS in_recovery, repmgr.get_local_node_id() AS node,
               repmgr.repmgrd_is_running() AS running, repmgr.repmgrd_is_paused() AS paused,
               (SELECT coalesce(jsonb_agg(to_jsonb(node) ORDER BY node_id), '[]') FROM (
                    SELECT node_id, node_name, type, active, priority FROM repmgr.nodes) AS node)
                   AS nodes
        """,
        "USAGE on schema repmgr, SELECT on repmgr.nodes",
    )
    AUTO_FAILOVER = (
        """
        SELECT formationid AS formation, node.groupid AS group_id, node.nodename AS name,
               node.reportedstate::text AS current, node.goalstate::text AS assigned,
               node.candidatepriority AS priority, node.health,
               extract(epoch FROM clock_timestamp() - node.reporttime)::float8 AS report_age_s
        FROM pgautofailover.node ORDER BY formationid, groupid, nodename
        """,
        "USAGE on schema pgautofailover, SELECT on pgautofailover.node",
    )
    STATEMENTS_EXTENSION = (
        """
        SELECT extversion AS version, extnamespace::regnamespace::text AS namespace,
               extnamespace = ANY(SELECT to_regnamespace(quote_ident(one))
                                  FROM unnest(current_schemas(true)) AS one) AS on_path
        FROM pg_extension WHERE extname = 'pg_stat_statements'
        """,
        "CONNECT",
    )
    HOT_STATEMENTS = (
        """
        SELECT queryid::text AS query_id, rolname::text AS role, query AS text, calls,
               mean_exec_time AS mean_ms, share,
               (SELECT stats_reset FROM pg_stat_statements_info) AS since
        FROM (SELECT *, total_exec_time / nullif(sum(total_exec_time) OVER (), 0) AS share
              FROM pg_stat_statements JOIN pg_roles ON pg_roles.oid = userid
              WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND toplevel AND rolname <> current_user
                AND rolname <> ALL(%(own)s)) AS every
        WHERE calls >= %(calls)s OR queryid IS NULL
        ORDER BY total_exec_time DESC LIMIT %(n)s
        """,
        "pg_read_all_stats",
    )
    TABLE_READS = (
        """
        SELECT schemaname || '.' || s.relname AS name,
               coalesce(pg_partition_root(relid), relid)::bigint AS root,
               -- As the planner does: rows per page when last counted, times the pages of now.
               CASE WHEN reltuples > 0 AND relpages > 0
                    THEN greatest(reltuples, reltuples / relpages * pg_relation_size(relid)
                                             / current_setting('block_size')::int)
                    WHEN n_live_tup > 0 THEN n_live_tup WHEN reltuples >= 0 THEN reltuples
               END::bigint AS rows,
               coalesce(seq_scan, 0) AS sequential_scans,
               coalesce(seq_tup_read, 0) AS rows_read_by_them,
               (SELECT coalesce(stats_reset, pg_postmaster_start_time())
                FROM pg_stat_database WHERE datname = current_database()) AS since
        FROM pg_stat_all_tables AS s JOIN pg_class ON pg_class.oid = relid
        WHERE schemaname || '.' || s.relname = ANY(%(names)s)
           OR schemaname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
        ORDER BY rows DESC NULLS LAST LIMIT 500
        """,
        "CONNECT",
    )
    INDEXES = (
        """
        SELECT (SELECT coalesce(stats_reset, pg_postmaster_start_time())
                FROM pg_stat_database WHERE datname = current_database()) AS since,
               (SELECT count(*) FROM pg_stat_user_tables) AS tables,
               (SELECT count(*) FROM pg_stat_user_indexes) AS indexes,
               (SELECT count(*) FROM pg_constraint WHERE contype = 'f') AS foreign_keys,
               pg_has_role('pg_read_all_stats', 'MEMBER') AS sees_builds,
               (SELECT coalesce(jsonb_agg(to_jsonb(key) ORDER BY "table", "constraint"), '[]')
                FROM (
                    SELECT conname AS "constraint", nspname || '.' || pg_class.relname AS "table",
                           ARRAY(SELECT attname::text
                                 FROM unnest(conkey) WITH ORDINALITY AS k(num, i)
                                 JOIN pg_attribute ON attrelid = conrelid AND attnum = num
                                 ORDER BY i) AS columns,
                           CASE WHEN reltuples > 0 AND relpages > 0
                                THEN greatest(reltuples, reltuples / relpages
                                              * pg_relation_size(conrelid)
                                              / current_setting('block_size')::int)
                                WHEN n_live_tup > 0 THEN n_live_tup
                                WHEN reltuples >= 0 THEN reltuples
                           END::bigint AS rows
                    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
                         JOIN pg_namespace ON pg_namespace.oid = relnamespace
                         LEFT JOIN pg_stat_user_tables ON relid = conrelid
                    WHERE contype = 'f' AND NOT EXISTS (
                        SELECT FROM pg_index
                        WHERE indrelid = conrelid AND indisvalid AND indpred IS NULL
                          AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey
                          AND indnkeyatts >= cardinality(conkey))) AS key) AS uncovered
        """,
        "CONNECT",
    )
    INDEX_FAULTS = (
        """
        WITH own AS (
            SELECT pg_index.*, c.relam, c.relkind, n.nspname || '.' || c.relname AS name,
                   (SELECT nspname || '.' || relname FROM pg_class AS t
                    JOIN pg_namespace AS s ON s.oid = t.relnamespace WHERE t.oid = indrelid) AS tab
            FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
                          JOIN pg_namespace AS n ON n.oid = c.relnamespace
            WHERE nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
        )
        SELECT 'invalid' AS kind, name AS index, tab AS table, 'not valid' AS detail FROM own
        WHERE NOT indisvalid AND NOT EXISTS (
            SELECT FROM pg_stat_progress_create_index AS built
            WHERE built.index_relid = own.indexrelid)
        UNION ALL
        SELECT 'duplicate', a.name, a.tab, 'the same as ' || min(b.name)
        FROM own AS a JOIN own AS b
          ON a.indrelid = b.indrelid AND a.indexrelid > b.indexrelid AND a.relam = b.relam
         AND a.indkey::text = b.indkey::text AND a.indclass::text = b.indclass::text
         AND a.indcollation::text = b.indcollation::text AND a.indoption::text = b.indoption::text
         AND a.indpred::text IS NOT DISTINCT FROM b.indpred::text
         AND a.indexprs::text IS NOT DISTINCT FROM b.indexprs::text
        GROUP BY a.name, a.tab
        UNION ALL
        SELECT 'unused', name, tab, pg_relation_size(indexrelid) || ' bytes'
        FROM own JOIN pg_stat_user_indexes AS used USING (indexrelid)
        WHERE idx_scan = 0 AND NOT (indisunique OR indisprimary OR indisexclusion OR indisreplident)
        ORDER BY 1, 2
        """,
        "pg_read_all_stats",
    )

    def __init__(self, text: LiteralString, grant: str) -> None:
        """Keep the statement and the grant beside each other."""
        self.text: LiteralString = text
        self.grant = grant
