-- The role the kit's database probes use: it reads how the server is, and no data.
--   psql -v ON_ERROR_STOP=1 -v database=shop -f readiness_probe_role.sql
--   then: \password readiness_probe
-- pg_hba_file_rules lives in each database: run this in the one that the probe connects to.
CREATE ROLE readiness_probe LOGIN CONNECTION LIMIT 10;
GRANT CONNECT ON DATABASE :"database" TO readiness_probe;
GRANT pg_monitor TO readiness_probe;
GRANT SELECT ON pg_hba_file_rules TO readiness_probe;
GRANT EXECUTE ON FUNCTION pg_hba_file_rules() TO readiness_probe;
