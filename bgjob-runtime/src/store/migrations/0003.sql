-- Jobs by owner and id: looking for somebody else's id reads the same pages as for one that nobody has.
CREATE UNIQUE INDEX job_owner_id ON job (owner, id);
