import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../../platform/log.ts'
import { inSpan, type Tracing } from '../../platform/tracing/tracing.ts'
import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import type { ResultStore } from '../../uploads/objects/result-store.ts'
import type { Output, ProcessingResult } from '../../uploads/records/record.ts'
import { NoTransformError } from '../errors.ts'
import { bytesHeld } from '../outputs/processed-object.ts'
import { describeEvent, describeUpload, provenance } from '../outputs/provenance.ts'
import { createSinks } from '../outputs/sinks.ts'
import { untilAborted } from '../outputs/until-aborted.ts'
import { outputsOf } from '../transforms/outputs.ts'
import type { RoutedUpload } from '../transforms/rules/match.ts'
import { chooseRule, type TransformRule } from '../transforms/rules/rules.ts'
import { createAdmission, type Demand } from './admission.ts'
import type { SourceObject } from './source-object.ts'

export interface OpenUploadSettings {
  s3: S3Client
  processedBucket: string
  rules: readonly TransformRule[]
  results: Pick<ResultStore, 'put'>
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
  const { s3, processedBucket, rules, results, largeObjectsBytes, processes, tracing, log } = settings
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

    let chosen: string | undefined
    async function writeOutputs(): Promise<ProcessingResult> {
      const { upload, rule } = await findRule(event, source)
      const { transform, maxExpansion, itemBytes } = rule
      chosen = transform.name
      const origin = provenance(event, source, transform)
      const context = { provenance: origin, inputBytes: source.size, maxItemBytes: itemBytes, signal }
      const attributes = { 'headgate.transform': transform.name, 'headgate.upload.bytes': source.size }
      return inSpan(tracing, { name: 'transform', attributes }, async span => {
        const outputs: Output[] = []
        const transformed = outputsOf(transform, source.content, { upload, signal, maxExpansion })
        for await (const output of untilAborted(transformed, signal)) {
          const sink = rule.sinkOf(output.name)
          // The output is transformed while it is written.
          const write = { name: 'write', attributes: { 'headgate.sink': sink } }
          const written = await inSpan(tracing, write, () => sinks[sink](output, context))
          outputs.push({ ...written, ...(output.note !== undefined && { note: output.note }) })
        }
        span?.set({ 'headgate.outputs': outputs.length })
        return { outputs, transform: origin.transform }
      })
    }

    return {
      source,
      get transform() {
        return chosen
      },
      writeOutputs,
      close,
    }
  }
}
