-- The database `tenantry` and the three roles that work in it; run by an administrator, safe to repeat.
--
--   tenantry_owner     owns the database and its tables: migrations and provisioning, databases of tenants included
--   tenantry           serves requests: owns nothing, and row-level security applies to it
--   tenantry_platform  the operator's work across tenants, through policies that migrations give it
--
-- What each may do with the tables is granted by `tenantry migrate`. Passwords come from the environment
-- (TENANTRY_OWNER_PASSWORD, TENANTRY_PASSWORD, TENANTRY_PLATFORM_PASSWORD); a role whose variable is unset
-- keeps the one it has. Needs psql 15 or newer; scripts/postgres-roles runs it with passwords it makes up.

\set ON_ERROR_STOP on
\getenv owner_password TENANTRY_OWNER_PASSWORD
\getenv serving_password TENANTRY_PASSWORD
\getenv platform_password TENANTRY_PLATFORM_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', role)
FROM unnest(ARRAY['tenantry_owner', 'tenantry', 'tenantry_platform']) AS role
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role)
\gexec

-- A role that was there before must not be able to step around its policies. Only said when it is needed:
-- an administrator who is no superuser may not even name these attributes.
SELECT format('ALTER ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION %s', rolname,
    CASE rolname WHEN 'tenantry_owner' THEN 'CREATEDB' ELSE 'NOCREATEDB' END)
FROM pg_roles
WHERE rolname IN ('tenantry_owner', 'tenantry', 'tenantry_platform')
    AND (rolsuper OR rolbypassrls OR rolcreatedb <> (rolname = 'tenantry_owner') OR rolcreaterole OR rolreplication OR NOT rolcanlogin)
\gexec

\if :{?owner_password}
ALTER ROLE tenantry_owner PASSWORD :'owner_password';
\endif
\if :{?serving_password}
ALTER ROLE tenantry PASSWORD :'serving_password';
\endif
\if :{?platform_password}
ALTER ROLE tenantry_platform PASSWORD :'platform_password';
\endif

-- Who is no superuser can give a database only to a role of its own.
SELECT format('GRANT tenantry_owner TO %I', current_user)
WHERE NOT pg_has_role('tenantry_owner', 'MEMBER')
\gexec

SELECT 'CREATE DATABASE tenantry OWNER tenantry_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'tenantry')
\gexec

ALTER DATABASE tenantry OWNER TO tenantry_owner;
REVOKE ALL ON DATABASE tenantry FROM PUBLIC, tenantry, tenantry_platform;
GRANT CONNECT ON DATABASE tenantry TO tenantry_owner, tenantry, tenantry_platform;

\connect tenantry
REVOKE CREATE ON SCHEMA public FROM PUBLIC, tenantry, tenantry_platform;
GRANT USAGE, CREATE ON SCHEMA public TO tenantry_owner;
