import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import path from 'node:path'
import { json, text } from 'node:stream/consumers'
import { setTimeout as pass } from 'node:timers/promises'
import { processedKey } from '../../../services/uploads/objects/keys.ts'
import { root } from '../support/call.ts'
import type { SecondAws } from '../support/servers.ts'

/** Where an accepted upload lies, as the api has answered. */
export interface AcceptedUpload {
  uploadId: string
  s3: { bucket: string; key: string }
}

export type Bytes = string | Uint8Array

export interface ExpectationSettings {
  uploadBucket: string
  processedBucket: string
  table: string
}

/** Everything that has to be in the buckets and in the table at the end, and nothing else may be. */
export class Expectations {
  readonly #settings: ExpectationSettings
  readonly #buckets: Record<string, Record<string, string | null>>
  readonly #statuses: Record<string, string> = {}

  constructor(settings: ExpectationSettings) {
    this.#settings = settings
    this.#buckets = { [settings.uploadBucket]: {}, [settings.processedBucket]: {} }
  }

  /** An upload that is processed to these bytes. */
  processed(upload: AcceptedUpload, bytes: Bytes, output: Bytes): void {
    this.#expect(this.#settings.uploadBucket, upload.s3.key, bytes)
    this.#expect(this.#settings.processedBucket, processedKey(upload.s3.key), output)
    this.#statuses[upload.uploadId] = 'processed'
  }

  /** A further output of an upload. @param bytes left out where the test has compared them itself */
  output(key: string, bytes?: Bytes): void {
    this.#expect(this.#settings.processedBucket, key, bytes)
  }

  /** An upload of which the record stays, as a tombstone, and nothing else. */
  deleted({ uploadId, s3 }: AcceptedUpload): void {
    delete this.#buckets[this.#settings.uploadBucket]?.[s3.key]
    delete this.#buckets[this.#settings.processedBucket]?.[processedKey(s3.key)]
    this.#statuses[uploadId] = 'deleted'
  }

  /** How many uploads there are, deleted ones too. */
  get count(): number {
    return Object.keys(this.#statuses).length
  }

  /**
   * Compares until there is no difference, for some seconds: the marks of the outbox are removed a moment after an upload is
   * processed, and no event tells of it outside of the worker. Resolves to the differences that stay.
   */
  async settle(server: Pick<SecondAws, 'url' | 'python'>, timeoutMs = 15_000): Promise<string[]> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const found = await this.differences(server)
      if (found.length === 0 || performance.now() > deadline) return found
      await pass(500)
    }
  }

  /** Resolves to every difference between what boto3 finds and what is expected, in sentences. */
  async differences({ url, python }: Pick<SecondAws, 'url' | 'python'>): Promise<string[]> {
    const program = spawn(python, [path.join(import.meta.dirname, 'compare.py')], { stdio: ['pipe', 'pipe', 'pipe'] })
    const wanted = {
      endpoint: url,
      credentials: root,
      buckets: this.#buckets,
      table: this.#settings.table,
      statuses: this.#statuses,
    }
    program.stdin.end(JSON.stringify(wanted))
    const [found, errors] = await Promise.all([
      json(program.stdout).catch((error: unknown) => error),
      text(program.stderr),
    ])
    if (Array.isArray(found)) return found.map(String)
    throw new Error(`compare.py failed:\n${errors}`, { cause: found })
  }

  #expect(bucket: string, key: string, bytes: Bytes | undefined): void {
    const keys = this.#buckets[bucket]
    if (keys === undefined) throw new Error(`${bucket} is none of the buckets.`)
    keys[key] = bytes === undefined ? null : hash('sha256', bytes)
  }
}
