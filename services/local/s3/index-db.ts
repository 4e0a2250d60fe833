import { randomUUID } from 'node:crypto'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue } from 'node:sqlite'
import type { Algorithm, Checksum, ChecksumType } from './checksums.ts'
import type { Segment } from './contents.ts'
import type { CorsRule } from './cors-rules.ts'

/** The headers that S3 stores with an object and returns with it, such as `content-type` and `x-amz-meta-owner`. */
export type ObjectHeaders = Readonly<Record<string, string>>

export interface PartFacts {
  number: number
  /** Bytes. */
  size: number
  /** Base64. Left out: unknown, in data of an earlier version. */
  checksum?: string
}

export interface StoredObject {
  key: string
  size: number
  /** With its quotes. */
  etag: string
  modified: Date
  headers: ObjectHeaders
  checksum?: Checksum
  /** The parts of a multipart upload. Left out: the object was put in one request. */
  parts?: readonly PartFacts[]
  /** Left out: the object has no tags. */
  tags?: Readonly<Record<string, string>>
}

export interface StoredPart extends PartFacts {
  etag: string
  modified: Date
}

export interface StoredUpload {
  id: string
  bucket: string
  key: string
  initiated: Date
  headers: ObjectHeaders
  /** How the checksum of the object is computed. `asked` is false if the client named no algorithm. */
  checksum: { algorithm: Algorithm; type: ChecksumType; asked: boolean }
}

const SCHEMA = `
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, created TEXT NOT NULL, cors TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
  bucket TEXT, key TEXT, owner TEXT NOT NULL, facts TEXT NOT NULL, PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, facts TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, id);
CREATE TABLE IF NOT EXISTS parts (
  upload TEXT, number INTEGER, owner TEXT NOT NULL, facts TEXT NOT NULL, PRIMARY KEY (upload, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS segments (
  owner TEXT, position INTEGER, file TEXT NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
  PRIMARY KEY (owner, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS segments_by_file ON segments (file);
`

type Row = Record<string, SQLOutputValue>

/**
 * The names and facts of all buckets, objects and multipart uploads, in SQLite. The bytes are in files: see contents.ts. The
 * segments say which bytes belong to which object or part. A change is visible as a whole or not at all, also after kill -9.
 *
 * Methods that remove segments return the files that no object and no part uses any more.
 */
export class IndexDb {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, ReturnType<DatabaseSync['prepare']>>()

  constructor(file: string) {
    this.#db = new DatabaseSync(file)
    // One process uses the file, so it needs no shared memory. Without a sync at each change, a power failure can lose the
    // last changes. A killed process loses none.
    this.#db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;')
    this.#db.exec(SCHEMA)
  }

  /** Runs changes as a whole: if one throws, none is made. */
  transaction<T>(change: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const result = change()
      this.#db.exec('COMMIT')
      return result
    } catch (error) {
      this.#db.exec('ROLLBACK')
      throw error
    }
  }

  close(): void {
    this.#db.close()
  }

  isUsed(file: string): boolean {
    return this.#first('SELECT 1 FROM segments WHERE file = ? LIMIT 1', file) !== undefined
  }

  createBucket(name: string, created = new Date()): void {
    this.#run('INSERT OR IGNORE INTO buckets (name, created) VALUES (?, ?)', name, created.toISOString())
  }

  hasBucket(name: string): boolean {
    return this.#first('SELECT 1 FROM buckets WHERE name = ?', name) !== undefined
  }

  listBuckets(): { name: string; created: Date }[] {
    return this.#all('SELECT name, created FROM buckets ORDER BY name').map(({ name, created }) => ({
      name: String(name),
      created: new Date(String(created)),
    }))
  }

  /** Returns whether a bucket has no object and no multipart upload. */
  isEmpty(bucket: string): boolean {
    const found =
      this.#first('SELECT 1 FROM objects WHERE bucket = ? LIMIT 1', bucket) ??
      this.#first('SELECT 1 FROM uploads WHERE bucket = ? LIMIT 1', bucket)
    return found === undefined
  }

  deleteBucket(name: string): void {
    this.#run('DELETE FROM buckets WHERE name = ?', name)
  }

  /** @param rules left out: deletes the rules */
  setCorsRules(bucket: string, rules?: readonly CorsRule[]): void {
    this.#run('UPDATE buckets SET cors = ? WHERE name = ?', rules ? JSON.stringify(rules) : null, bucket)
  }

  corsRules(bucket: string): CorsRule[] | undefined {
    const cors = this.#first('SELECT cors FROM buckets WHERE name = ?', bucket)?.cors
    return typeof cors === 'string' ? JSON.parse(cors) : undefined
  }

  findObject(bucket: string, key: string): { object: StoredObject; segments: Segment[] } | undefined {
    const row = this.#first('SELECT owner, facts FROM objects WHERE bucket = ? AND key = ?', bucket, key)
    if (!row) return undefined
    return { object: toObject(key, row), segments: this.#segmentsOf(String(row.owner)) }
  }

  /** Stores an object, or replaces it. */
  putObject(bucket: string, { key, ...facts }: StoredObject, segments: readonly Segment[]): string[] {
    const owner = this.#addSegments(segments)
    const unused = this.deleteObject(bucket, key)
    this.#run('INSERT INTO objects VALUES (?, ?, ?, ?)', bucket, key, owner, JSON.stringify(facts))
    return unused
  }

  /** @param tags left out: removes all tags */
  setTags(bucket: string, key: string, tags?: Readonly<Record<string, string>>): void {
    const change = tags ? "json_set(facts, '$.tags', json(?))" : "json_remove(facts, '$.tags')"
    const values = tags ? [JSON.stringify(tags)] : []
    this.#run(`UPDATE objects SET facts = ${change} WHERE bucket = ? AND key = ?`, ...values, bucket, key)
  }

  deleteObject(bucket: string, key: string): string[] {
    const row = this.#first('DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING owner', bucket, key)
    return row ? this.#removeSegments(String(row.owner)) : []
  }

  /** Returns objects in the order of their keys, which is that of the bytes in UTF-8. The caller stops when it has enough. */
  *objectsAfter(bucket: string, prefix: string, after: string): Generator<StoredObject> {
    const from = after > '' ? 'key > ?' : 'key >= ?'
    const sql = `SELECT key, facts FROM objects WHERE bucket = ? AND key >= ? AND ${from} ORDER BY key`
    for (const row of this.#prepare(sql).iterate(bucket, prefix, after)) {
      const key = String(row.key)
      if (!key.startsWith(prefix)) return
      yield toObject(key, row)
    }
  }

  createUpload({ id, bucket, key, ...facts }: StoredUpload): void {
    this.#run('INSERT INTO uploads VALUES (?, ?, ?, ?)', id, bucket, key, JSON.stringify(facts))
  }

  findUpload(id: string, bucket: string, key: string): StoredUpload | undefined {
    const row = this.#first('SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?', id, bucket, key)
    return row && toUpload(row)
  }

  /** Deletes an upload and its parts. */
  deleteUpload(id: string): string[] {
    this.#run('DELETE FROM uploads WHERE id = ?', id)
    const rows = this.#all('DELETE FROM parts WHERE upload = ? RETURNING owner', id)
    return rows.flatMap(({ owner }) => this.#removeSegments(String(owner)))
  }

  /** Returns the uploads in the order of their keys and ids. */
  listUploads(bucket: string, prefix: string): StoredUpload[] {
    const rows = this.#all('SELECT * FROM uploads WHERE bucket = ? AND key >= ? ORDER BY key, id', bucket, prefix)
    return rows.map(toUpload).filter(({ key }) => key.startsWith(prefix))
  }

  putPart(upload: string, { number, ...facts }: StoredPart, segments: readonly Segment[]): string[] {
    const owner = this.#addSegments(segments)
    const old = this.#first('DELETE FROM parts WHERE upload = ? AND number = ? RETURNING owner', upload, number)
    this.#run('INSERT INTO parts VALUES (?, ?, ?, ?)', upload, number, owner, JSON.stringify(facts))
    return old ? this.#removeSegments(String(old.owner)) : []
  }

  /** Returns the parts of an upload in the order of their numbers. */
  listParts(upload: string): { part: StoredPart; segments: Segment[] }[] {
    return this.#all('SELECT number, owner, facts FROM parts WHERE upload = ? ORDER BY number', upload).map(row => {
      const facts = JSON.parse(String(row.facts)) as StoredPart
      const part = { ...facts, number: Number(row.number), modified: new Date(facts.modified) }
      return { part, segments: this.#segmentsOf(String(row.owner)) }
    })
  }

  #segmentsOf(owner: string): Segment[] {
    return this.#all('SELECT file, start, length FROM segments WHERE owner = ? ORDER BY position', owner).map(row => ({
      file: String(row.file),
      start: Number(row.start),
      length: Number(row.length),
    }))
  }

  #addSegments(segments: readonly Segment[]): string {
    const owner = randomUUID()
    for (const [position, { file, start, length }] of segments.entries()) {
      this.#run('INSERT INTO segments VALUES (?, ?, ?, ?, ?)', owner, position, file, start, length)
    }
    return owner
  }

  #removeSegments(owner: string): string[] {
    const rows = this.#all('DELETE FROM segments WHERE owner = ? RETURNING file', owner)
    return rows.map(({ file }) => String(file)).filter(file => !this.isUsed(file))
  }

  #prepare(sql: string) {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#db.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#prepare(sql).run(...values)
  }

  #first(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values)
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(sql).all(...values)
  }
}

function toObject(key: string, { facts }: Row): StoredObject {
  const object = JSON.parse(String(facts)) as Omit<StoredObject, 'key'>
  return { ...object, key, modified: new Date(object.modified) }
}

function toUpload({ id, bucket, key, facts }: Row): StoredUpload {
  const upload = JSON.parse(String(facts)) as Omit<StoredUpload, 'id' | 'bucket' | 'key'>
  return { ...upload, id: String(id), bucket: String(bucket), key: String(key), initiated: new Date(upload.initiated) }
}
