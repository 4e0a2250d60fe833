import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../../platform/log.ts'
import { inSpan, type Tracing } from '../../platform/tracing/tracing.ts'
import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import type { ResultStore } from '../../uploads/objects/result-store.ts'
import type { Output, ProcessingResult } from '../../uploads/records/record.ts'
import type { UploadStore } from '../../uploads/records/store.ts'
import { NoTransformError, PermanentError } from '../errors.ts'
import { bytesHeld } from '../outputs/processed-object.ts'
import { describeEvent, describeUpload, provenance, uploadKeyOf } from '../outputs/provenance.ts'
import { createSinks } from '../outputs/sinks.ts'
import { untilAborted } from '../outputs/until-aborted.ts'
import { type CheckedOutput, outputsOf } from '../transforms/outputs.ts'
import type { RoutedUpload } from '../transforms/rules/match.ts'
import { chooseRule, type TransformRule } from '../transforms/rules/rules.ts'
import { createAdmission, type Demand } from './admission.ts'
import { createDigestCheck, type DigestCheck } from './digest-check.ts'
import { readSourceAgain, type SourceObject } from './source-object.ts'

export interface OpenUploadSettings {
  s3: S3Client
  processedBucket: string
  rules: readonly TransformRule[]
  results: Pick<ResultStore, 'put'>
  /** Reads the record of an upload whose event names only its object. */
  readRecord: UploadStore['get']
  largeObjectsBytes?: number | undefined
  processes?: number | undefined
  tracing?: Pick<Tracing, 'inSpan'> | undefined
  log: Pick<Logger, 'warn'>
}

/** An upload whose object is open and that is ready to be transformed. */
export interface OpenedUpload {
  source: SourceObject
  /** The name of the transform. Undefined before it was chosen. */
  readonly transform: string | undefined
  /** The digest of the object, if it was not known before and was found. */
  readonly sha256: string | undefined
  /** Writes all outputs, one after another. To do it again writes the same outputs. */
  writeOutputs(): Promise<ProcessingResult>
  close(): void
}

/**
 * Opens an upload's object, once there is room for it.
 *
 * @throws NoTransformError, errors of opening the object, and the signal's reason
 */
export type OpenUpload = (event: UploadEvent | BareEvent, options: OpenUploadOptions) => Promise<OpenedUpload>

export interface OpenUploadOptions {
  signal: AbortSignal
  /** Called before each wait for room. */
  onWait?: (() => void) | undefined
}

export function createOpenUpload(settings: OpenUploadSettings): OpenUpload {
  const { s3, processedBucket, rules, results, readRecord } = settings
  const { largeObjectsBytes, processes, tracing, log } = settings
  const admit = createAdmission(s3, { largeObjectsBytes, processes })
  const sinks = createSinks({
    objects: {
      s3,
      bucket: processedBucket,
      onLeftover: (err, key) =>
        log.warn(
          { err, key },
          'parts of an output could not be removed: a lifecycle rule of the bucket must remove them',
        ),
    },
    results,
  })

  async function findRule(event: UploadEvent | BareEvent, source: SourceObject) {
    const upload = await describeUpload(event, source)
    const rule = chooseRule(rules, upload)
    if (!rule) throw new NoTransformError('No transform is configured for content of this type and name.')
    return { upload, rule }
  }

  function demandOf(upload: RoutedUpload, rule: TransformRule): Demand {
    const whole = rule.transform.holds?.(upload) ?? 0
    return { bytes: bytesHeld(upload.size) + (whole > 0 ? whole : 0), process: rule.runsInProcess }
  }

  /** Returns what the object will need, so that it is not opened only to wait. */
  async function expectedDemand(event: UploadEvent | BareEvent): Promise<Demand | undefined> {
    const upload = await describeEvent(event)
    if (!upload) return undefined
    try {
      const rule = chooseRule(rules, upload)
      return rule && demandOf(upload, rule)
    } catch {
      // A custom transform threw an error. It is asked again when the object is open, and then its error counts.
      return undefined
    }
  }

  /** Returns the check of an upload that was accepted before its digest was known. */
  async function createCheck(event: UploadEvent | BareEvent, source: SourceObject, signal: AbortSignal) {
    const upload = isUploadEvent(event) ? undefined : uploadKeyOf(event, source)
    const digests = isUploadEvent(event) ? event : upload && (await readRecord(upload, signal))
    if (!digests || digests.sha256 !== undefined) return undefined
    return createDigestCheck({
      content: source.content,
      announced: digests.announcedSha256,
      readAgain: () => readSourceAgain(s3, event, { source, signal }),
    })
  }

  return async (event, { signal, onWait }) => {
    const request = {
      owner: isUploadEvent(event) ? event.userSub : undefined,
      expected: await expectedDemand(event),
      async demandOf(source: SourceObject) {
        const { upload, rule } = await findRule(event, source)
        return demandOf(upload, rule)
      },
      signal,
      onWait,
    }
    // The span lasts until the first bytes have arrived, and includes the wait for room. The rest is read during the transform.
    const { source, close } = await inSpan(tracing, { name: 'fetch' }, () => admit(event, request))

    const check = await createCheck(event, source, signal).catch((error: unknown) => {
      close()
      throw error
    })
    let chosen: string | undefined
    async function writeAll(): Promise<ProcessingResult> {
      const { upload, rule } = await findRule(event, source)
      const { transform, maxExpansion, itemBytes } = rule
      chosen = transform.name
      const origin = provenance(event, source, transform)
      const context = { provenance: origin, inputBytes: source.size, maxItemBytes: itemBytes, signal }
      const attributes = { 'headgate.transform': transform.name, 'headgate.upload.bytes': source.size }
      return inSpan(tracing, { name: 'transform', attributes }, async span => {
        const outputs: Output[] = []
        const content = check?.content ?? source.content
        const transformed = outputsOf(transform, content, { upload, signal, maxExpansion })
        for await (const transformedOutput of untilAborted(transformed, signal)) {
          const output = check ? heldUntilVerified(transformedOutput, check) : transformedOutput
          const sink = rule.sinkOf(output.name)
          // The output is transformed while it is written.
          const write = { name: 'write', attributes: { 'headgate.sink': sink } }
          const written = await inSpan(tracing, write, () => sinks[sink](output, context))
          outputs.push({ ...written, ...(output.note !== undefined && { note: output.note }) })
        }
        span?.set({ 'headgate.outputs': outputs.length })
        return { outputs, transform: origin.transform, ...(check && { sha256: await check.verify() }) }
      })
    }

    /** A wrong digest is the better reason if a transform refuses the file too, because the transform has read the wrong bytes. */
    async function writeOutputs(): Promise<ProcessingResult> {
      try {
        return await writeAll()
      } catch (error) {
        if (error instanceof PermanentError) await check?.verify()
        throw error
      }
    }

    return {
      source,
      get transform() {
        return chosen
      },
      get sha256() {
        return check?.sha256
      },
      writeOutputs,
      close,
    }
  }
}

/** Returns the output with a body that ends only after the digest was verified. So a sink never completes the output of a wrong file. */
function heldUntilVerified(output: CheckedOutput, check: DigestCheck): CheckedOutput {
  async function* body(): AsyncGenerator<Uint8Array> {
    yield* output.body
    await check.verify()
  }
  return { ...output, body: body() }
}
