-- The role the kit's drills use: it reads every table, ends sessions, and makes one schema.
--   psql -v ON_ERROR_STOP=1 -v database=shop -f readiness_drill_role.sql
--   then: \password readiness_drill
-- pg_read_all_data: to compare every table with what was restored.
-- pg_signal_backend: to end idle connections of the application's pools.
-- pg_switch_wal: so that what a drill wrote is archived now, and not after archive_timeout.
-- CREATE: for the schema readiness_drill, which a drill makes and drops.
CREATE ROLE readiness_drill LOGIN CONNECTION LIMIT 10;
GRANT CONNECT, CREATE ON DATABASE :"database" TO readiness_drill;
GRANT pg_read_all_data, pg_signal_backend TO readiness_drill;
GRANT EXECUTE ON FUNCTION pg_switch_wal() TO readiness_drill;
