-- The role that asks for plans: EXPLAIN demands the rights of the statement, though it runs nothing.
--   psql -v ON_ERROR_STOP=1 -v database=shop -f readiness_planner_role.sql
--   then: \password readiness_planner
-- It could read every table. Whoever shall not have that grants it the application's role instead.
CREATE ROLE readiness_planner LOGIN CONNECTION LIMIT 3;
ALTER ROLE readiness_planner SET default_transaction_read_only = on;
GRANT CONNECT ON DATABASE :"database" TO readiness_planner;
GRANT pg_read_all_data TO readiness_planner;
