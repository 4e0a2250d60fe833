import { existsSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { type Algorithm, DEFAULT_ALGORITHM, typeOf } from './checksums.ts'
import type { Contents } from './contents.ts'
import type { IndexDb, ObjectHeaders, PartFacts } from './index-db.ts'

type Row = Record<string, SQLOutputValue>

const CHUNK_BYTES = 8 * 1024 ** 2

/**
 * Takes over the data of an earlier version, which kept it in the SQLite file of fauxqs and the CORS rules in a file of their own. The old
 * files are deleted at the end. If the process is killed before, the next start begins again.
 */
export async function importFauxqs(
  folder: string,
  { index, contents }: { index: IndexDb; contents: Contents },
): Promise<void> {
  const oldFile = path.join(folder, 'fauxqs.db')
  if (!existsSync(oldFile)) return
  const old = new DatabaseSync(oldFile)
  try {
    for (const { name, creation_date } of all(old, 'SELECT name, creation_date FROM s3_buckets')) {
      index.createBucket(String(name), new Date(String(creation_date)))
    }
    for (const row of all(old, `SELECT rowid, ${OBJECT_COLUMNS} FROM s3_objects`)) {
      const segment = await contents.write(bodyOf(old, 's3_objects', row))
      await contents.delete(index.transaction(() => index.putObject(String(row.bucket), toObject(row), [segment])))
    }
    for (const row of all(old, 'SELECT * FROM s3_multipart_uploads')) await importUpload(old, row, { index, contents })
    importCors(path.join(folder, 'cors.json'), index)
  } finally {
    old.close()
  }
  for (const suffix of ['', '-wal', '-shm']) rmSync(oldFile + suffix, { force: true })
  rmSync(path.join(folder, 'cors.json'), { force: true })
}

const OBJECT_COLUMNS =
  'bucket, key, length(body) AS size, content_type, etag, last_modified, metadata, content_language, content_disposition, cache_control, content_encoding, parts, checksum_algorithm, checksum_value, checksum_type'

async function importUpload(
  old: DatabaseSync,
  row: Row,
  { index, contents }: { index: IndexDb; contents: Contents },
): Promise<void> {
  const id = String(row.upload_id)
  const asked = row.checksum_algorithm === null ? undefined : (String(row.checksum_algorithm) as Algorithm)
  const algorithm = asked ?? DEFAULT_ALGORITHM
  await contents.delete(index.transaction(() => index.deleteUpload(id)))
  index.createUpload({
    id,
    bucket: String(row.bucket),
    key: String(row.key),
    initiated: new Date(String(row.initiated)),
    headers: headersOf(row),
    checksum: { algorithm, type: typeOf(algorithm, undefined), asked: asked !== undefined },
  })
  const sql =
    'SELECT rowid, part_number, length(body) AS size, etag, last_modified, checksum_value FROM s3_multipart_parts WHERE upload_id = ?'
  for (const part of all(old, sql, id)) {
    const segment = await contents.write(bodyOf(old, 's3_multipart_parts', part))
    const facts = {
      number: Number(part.part_number),
      size: Number(part.size),
      etag: String(part.etag),
      modified: new Date(String(part.last_modified)),
      ...(asked !== undefined && part.checksum_value !== null && { checksum: String(part.checksum_value) }),
    }
    index.transaction(() => index.putPart(id, facts, [segment]))
  }
}

/** Reads a body piece by piece: one that was put together from parts can be larger than the memory. */
async function* bodyOf(old: DatabaseSync, table: string, { rowid, size }: Row): AsyncGenerator<Buffer> {
  const read = old.prepare(`SELECT substr(body, ?, ?) AS piece FROM ${table} WHERE rowid = ?`)
  for (let at = 0; at < Number(size); at += CHUNK_BYTES) {
    const piece = read.get(at + 1, CHUNK_BYTES, Number(rowid))?.piece
    if (piece instanceof Uint8Array) yield Buffer.from(piece)
  }
}

function toObject(row: Row) {
  const boundaries =
    row.parts === null ? undefined : (JSON.parse(String(row.parts)) as { partNumber: number; length: number }[])
  const parts: PartFacts[] | undefined = boundaries?.map(({ partNumber, length }) => ({
    number: partNumber,
    size: length,
  }))
  return {
    key: String(row.key),
    size: Number(row.size),
    etag: String(row.etag),
    modified: new Date(String(row.last_modified)),
    headers: headersOf(row),
    ...(parts && { parts }),
    ...(row.checksum_algorithm !== null && {
      checksum: {
        algorithm: String(row.checksum_algorithm) as Algorithm,
        value: String(row.checksum_value),
        type: row.checksum_type === 'COMPOSITE' ? ('COMPOSITE' as const) : ('FULL_OBJECT' as const),
      },
    }),
  }
}

function headersOf(row: Row): ObjectHeaders {
  const headers: Record<string, string> = { 'content-type': String(row.content_type) }
  for (const name of ['content-language', 'content-disposition', 'cache-control', 'content-encoding']) {
    const value = row[name.replace('-', '_')]
    if (typeof value === 'string') headers[name] = value
  }
  for (const [name, value] of Object.entries(JSON.parse(String(row.metadata)) as Record<string, string>)) {
    headers[`x-amz-meta-${name}`] = value
  }
  return headers
}

function importCors(file: string, index: IndexDb): void {
  if (!existsSync(file)) return
  for (const [bucket, rules] of JSON.parse(readFileSync(file, 'utf8'))) index.setCorsRules(bucket, rules)
}

function all(db: DatabaseSync, sql: string, ...values: string[]): Row[] {
  return db.prepare(sql).all(...values)
}
