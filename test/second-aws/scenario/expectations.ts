import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import path from 'node:path'
import { json, text } from 'node:stream/consumers'
import { setTimeout as pass } from 'node:timers/promises'
import { processedKey } from '../../../services/uploads/objects/keys.ts'
import { root } from '../support/call.ts'
import type { SecondAws } from '../support/servers.ts'

/** The bucket and key of an accepted upload, from the response of the api. */
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

/** Collects everything that must be in the buckets and in the table at the end. Nothing else may be there. */
export class Expectations {
  readonly #settings: ExpectationSettings
  readonly #buckets: Record<string, Record<string, string | null>>
  readonly #statuses: Record<string, string> = {}

  constructor(settings: ExpectationSettings) {
    this.#settings = settings
    this.#buckets = { [settings.uploadBucket]: {}, [settings.processedBucket]: {} }
  }

  /** Expects an upload that is processed to these bytes. */
  processed(upload: AcceptedUpload, bytes: Bytes, output: Bytes): void {
    this.#expect(this.#settings.uploadBucket, upload.s3.key, bytes)
    this.#expect(this.#settings.processedBucket, processedKey(upload.s3.key), output)
    this.#statuses[upload.uploadId] = 'processed'
  }

  /**
   * Expects a further output of an upload.
   *
   * @param bytes left out if the test has compared them itself
   */
  output(key: string, bytes?: Bytes): void {
    this.#expect(this.#settings.processedBucket, key, bytes)
  }

  /** Expects that only the record of an upload stays, as a tombstone. */
  deleted({ uploadId, s3 }: AcceptedUpload): void {
    delete this.#buckets[this.#settings.uploadBucket]?.[s3.key]
    delete this.#buckets[this.#settings.processedBucket]?.[processedKey(s3.key)]
    this.#statuses[uploadId] = 'deleted'
  }

  /** The number of expected uploads, including deleted ones. */
  get count(): number {
    return Object.keys(this.#statuses).length
  }

  /**
   * Compares for some seconds until there is no difference: the outbox marks are removed a moment after an upload is
   * processed, and there is no event for that outside of the worker. Resolves to the remaining differences.
   */
  async settle(server: Pick<SecondAws, 'url' | 'python'>, timeoutMs = 15_000): Promise<string[]> {
    const deadline = performance.now() + timeoutMs
    for (;;) {
      const found = await this.differences(server)
      if (found.length === 0 || performance.now() > deadline) return found
      await pass(500)
    }
  }

  /** Resolves to the differences between what boto3 finds and what is expected, one sentence for each. */
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
    if (keys === undefined) throw new Error(`There is no bucket ${bucket}.`)
    keys[key] = bytes === undefined ? null : hash('sha256', bytes)
  }
}
