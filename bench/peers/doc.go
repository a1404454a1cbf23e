// Package peers measures tasksync against other ways to store the same tasks:
// River, a job queue on PostgreSQL, and a plain loop. It is a module of its own,
// so that the product does not depend on them.
package peers
