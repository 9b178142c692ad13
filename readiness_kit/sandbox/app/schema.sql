-- Quill: authors and their posts.
-- tb_ are the tables that are written, v_ the views of single objects, tv_ tables that hold a ready-made answer.
-- Applied once by the owner of the database. The service logs in as quill_app, which owns nothing: it may read
-- the views and call the three functions, and cannot touch a table or the audit trail.

DO $$ BEGIN
  CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
EXCEPTION WHEN insufficient_privilege OR undefined_file THEN
  RAISE NOTICE 'pg_stat_statements is left to the administrator';
END $$;

-- Functions are for nobody until granted; PostgreSQL's own default is everybody.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE TABLE tb_user (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  email      text NOT NULL UNIQUE,
  bio        text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tb_post (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  author_id  uuid NOT NULL REFERENCES tb_user (id) ON DELETE CASCADE,
  title      text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  body       text NOT NULL DEFAULT '' CHECK (length(body) <= 20000),
  published  boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ix_post_author ON tb_post (author_id, created_at DESC);
CREATE INDEX ix_post_created ON tb_post (created_at DESC, id) WHERE published;

CREATE TABLE tb_audit (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor     uuid NOT NULL,
  action    text NOT NULL,
  object_id uuid NOT NULL
);

CREATE VIEW v_author AS
SELECT u.id, jsonb_build_object('id', u.id, 'name', u.name, 'bio', u.bio) AS data
FROM tb_user u;

CREATE VIEW v_post AS
SELECT p.id, p.author_id, p.published, p.created_at,
       jsonb_build_object('id', p.id, 'title', p.title, 'body', p.body, 'published', p.published,
                          'created_at', p.created_at, 'author_id', p.author_id, 'author', a.data) AS data
FROM tb_post p JOIN v_author a ON a.id = p.author_id;

CREATE VIEW v_latest_post AS
SELECT DISTINCT ON (author_id) author_id, data
FROM v_post WHERE published ORDER BY author_id, created_at DESC, id;

CREATE VIEW v_user AS
SELECT u.id, u.created_at,
       jsonb_build_object('id', u.id, 'name', u.name, 'email', u.email, 'created_at', u.created_at,
                          'posts', coalesce(p.posts, '[]')) AS data
FROM tb_user u LEFT JOIN LATERAL (
  SELECT jsonb_agg(recent.data ORDER BY recent.created_at DESC, recent.id) AS posts
  FROM (SELECT v.id, v.created_at, v.data FROM v_post v WHERE v.author_id = u.id AND v.published
        ORDER BY v.created_at DESC, v.id LIMIT 10) recent
) p ON true;

CREATE TABLE tv_user (
  id         uuid PRIMARY KEY REFERENCES tb_user (id) ON DELETE CASCADE,
  created_at timestamptz NOT NULL,
  data       jsonb NOT NULL
);
CREATE INDEX ix_tv_user_created ON tv_user (created_at, id);

CREATE FUNCTION refresh_user(user_id uuid) RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  INSERT INTO tv_user SELECT id, created_at, data FROM v_user WHERE id = user_id
  ON CONFLICT (id) DO UPDATE SET data = excluded.data
$$;

CREATE TYPE mutation_result AS (
  id uuid, updated_fields text[], status text, message text, object_data jsonb, extra_metadata jsonb
);

-- What every write has in common: refresh the read side, leave a trace, return the post.
CREATE FUNCTION wrote_post(actor uuid, action text, post_id uuid, author uuid) RETURNS mutation_result
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE result mutation_result;
BEGIN
  INSERT INTO tb_audit (actor, action, object_id) VALUES (actor, action, post_id);
  PERFORM refresh_user(author);
  result.id := post_id;
  result.status := 'success';
  result.message := action || ' done';
  result.object_data := jsonb_build_object('post', (SELECT data FROM v_post WHERE v_post.id = post_id));
  RETURN result;
END $$;

CREATE FUNCTION refused_write(status text, message text) RETURNS mutation_result LANGUAGE sql IMMUTABLE AS $$
  SELECT (NULL, NULL, status, message, NULL, NULL)::mutation_result
$$;

CREATE FUNCTION create_post(actor uuid, input jsonb) RETURNS mutation_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE new_id uuid;
BEGIN
  IF length(trim(coalesce(input->>'title', ''))) NOT BETWEEN 1 AND 200 OR length(input->>'body') > 20000 THEN
    RETURN refused_write('failed:validation', 'the title needs 1 to 200 characters, the body at most 20000');
  ELSIF NOT EXISTS (SELECT FROM tb_user u WHERE u.id = actor) THEN
    RETURN refused_write('noop:not_found', 'no such author');
  END IF;
  INSERT INTO tb_post (author_id, title, body, published)
  VALUES (actor, trim(input->>'title'), coalesce(input->>'body', ''), coalesce((input->>'published')::boolean, true))
  RETURNING id INTO new_id;
  RETURN wrote_post(actor, 'create_post', new_id, actor);
END $$;

CREATE FUNCTION update_post(actor uuid, input jsonb) RETURNS mutation_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE found_id uuid;
BEGIN
  IF length(trim(input->>'title')) NOT BETWEEN 1 AND 200 OR length(input->>'body') > 20000 THEN
    RETURN refused_write('failed:validation', 'the title needs 1 to 200 characters, the body at most 20000');
  END IF;
  UPDATE tb_post p SET title = coalesce(trim(input->>'title'), p.title), body = coalesce(input->>'body', p.body),
                       published = coalesce((input->>'published')::boolean, p.published)
  WHERE p.id = (input->>'id')::uuid AND p.author_id = actor RETURNING p.id INTO found_id;
  IF found_id IS NULL THEN  -- somebody else's post looks like no post at all
    RETURN refused_write('noop:not_found', 'no such post');
  END IF;
  RETURN wrote_post(actor, 'update_post', found_id, actor);
END $$;

CREATE FUNCTION delete_post(actor uuid, input jsonb) RETURNS mutation_result
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE found_id uuid;
BEGIN
  DELETE FROM tb_post p WHERE p.id = (input->>'id')::uuid AND p.author_id = actor RETURNING p.id INTO found_id;
  IF found_id IS NULL THEN
    RETURN refused_write('noop:not_found', 'no such post');
  END IF;
  RETURN wrote_post(actor, 'delete_post', found_id, actor);
END $$;

-- The form FraiseQL's documentation shows, where the caller names the author; only the stock variant calls it.
CREATE FUNCTION create_post(input jsonb) RETURNS mutation_result
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT create_post((input->>'author_id')::uuid, input)
$$;

-- 60 users and 300 posts under known ids, so that tokens, samples and tests can name them.
INSERT INTO tb_user (id, name, email, bio, created_at)
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Author ' || n,
       'author' || n || '@quill.invalid', 'Writes the ' || n || '. column.', timestamptz '2026-01-01 00:00Z' + n * interval '1 hour'
FROM generate_series(1, 60) n;

INSERT INTO tb_post (id, author_id, title, body, published, created_at)
SELECT ('00000000-0000-4000-9000-' || lpad((u * 10 + n)::text, 12, '0'))::uuid,
       ('00000000-0000-4000-8000-' || lpad(u::text, 12, '0'))::uuid,
       CASE n WHEN 5 THEN 'Draft of author ' ELSE 'Post ' || n || ' of author ' END || u,
       repeat('All work is improved by one more reading. ', 4), n < 5,
       timestamptz '2026-02-01 00:00Z' + (u * 10 + n) * interval '1 minute'
FROM generate_series(1, 60) u, generate_series(1, 5) n;

SELECT refresh_user(id) FROM tb_user;

DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'quill_app') THEN
    GRANT USAGE ON SCHEMA public TO quill_app;
    GRANT SELECT ON v_author, v_post, v_latest_post, v_user, tv_user TO quill_app;
    GRANT EXECUTE ON FUNCTION create_post(uuid, jsonb), update_post(uuid, jsonb), delete_post(uuid, jsonb),
                              create_post(jsonb) TO quill_app;
  END IF;
END $$;
