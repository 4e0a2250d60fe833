import type { S3Client } from '@aws-sdk/client-s3'
import type { Logger } from '../../platform/log.ts'
import { inSpan, type Tracing } from '../../platform/tracing/tracing.ts'
import { type BareEvent, isUploadEvent, type UploadEvent } from '../../uploads/events/event.ts'
import type { ResultStore } from '../../uploads/objects/result-store.ts'
import type { Output, ProcessingResult } from '../../uploads/records/record.ts'
import { NoTransformError } from '../errors.ts'
import { createItemSink } from '../outputs/item-sink.ts'
import { createObjectSink } from '../outputs/object-sink.ts'
import { bytesHeld } from '../outputs/processed-object.ts'
import { describeEvent, describeUpload, provenance } from '../outputs/provenance.ts'
import type { Sink } from '../outputs/sink.ts'
import { outputsOf } from '../transforms/outputs.ts'
import type { RoutedUpload } from '../transforms/rules/match.ts'
import { chooseRule, type SinkName, type TransformRule } from '../transforms/rules/rules.ts'
import { createAdmission, type Demand } from './admission.ts'
import type { SourceObject } from './source-object.ts'
import { untilAborted } from './until-aborted.ts'

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

/** An upload's object, opened, and what there is to do with it. */
export interface OpenedUpload {
  source: SourceObject
  /** Writes every output, one after another. Doing it again writes the same. */
  writeOutputs(): Promise<ProcessingResult>
  close(): void
}

/**
 * Opens an upload's object, once there is room for it, to make of it what its rule says.
 *
 * @throws NoTransformError, what opening it throws, and the signal's reason
 */
export type OpenUpload = (event: UploadEvent | BareEvent, options: OpenUploadOptions) => Promise<OpenedUpload>

export interface OpenUploadOptions {
  signal: AbortSignal
  /** Called before each wait for room. */
  onWait?: (() => void) | undefined
}

export function createOpenUpload(settings: OpenUploadSettings): OpenUpload {
  const { s3, processedBucket, rules, results, largeObjectsBytes, processes, tracing, log } = settings
  const open = createAdmission(s3, { largeObjectsBytes, processes })
  const objects = createObjectSink({
    s3,
    bucket: processedBucket,
    onLeftover: (err, key) =>
      log.warn({ err, key }, 'parts of an output are left over: a rule of the bucket has to remove them'),
  })

  const sinkOf = (name: SinkName, { itemBytes }: TransformRule): Sink =>
    name === 's3' ? objects : createItemSink(results, itemBytes)

  async function chosenFor(event: UploadEvent | BareEvent, source: SourceObject) {
    const upload = await describeUpload(event, source)
    const rule = chooseRule(rules, upload)
    if (!rule) throw new NoTransformError('No transform is configured for content of this type and name.')
    return { upload, rule }
  }

  function demandOf(upload: RoutedUpload, rule: TransformRule): Demand {
    const whole = rule.transform.holds?.(upload) ?? 0
    return { bytes: bytesHeld(upload.size) + (whole > 0 ? whole : 0), process: rule.runsInProcess }
  }

  /** What the object will need, so that it need not be opened to wait. */
  async function expectedOf(event: UploadEvent | BareEvent): Promise<Demand | undefined> {
    const upload = await describeEvent(event)
    if (!upload) return undefined
    try {
      const rule = chooseRule(rules, upload)
      return rule && demandOf(upload, rule)
    } catch {
      // A transform of a team throws when it is asked. It is asked again with the object, and what it throws then counts.
      return undefined
    }
  }

  return async (event, { signal, onWait }) => {
    const request = {
      owner: isUploadEvent(event) ? event.userSub : undefined,
      expected: await expectedOf(event),
      async demandOf(source: SourceObject) {
        const { upload, rule } = await chosenFor(event, source)
        return demandOf(upload, rule)
      },
      signal,
      onWait,
    }
    // Until its head is there, the wait for room included: the rest is read while it is transformed.
    const { source, close } = await inSpan(tracing, { name: 'fetch' }, () => open(event, request))

    async function writeOutputs(): Promise<ProcessingResult> {
      const { upload, rule } = await chosenFor(event, source)
      const { transform } = rule
      const origin = provenance(event, source, transform)
      const context = { provenance: origin, inputBytes: source.size, signal }
      const attributes = { 'headgate.transform': transform.name, 'headgate.upload.bytes': source.size }
      return inSpan(tracing, { name: 'transform', attributes }, async span => {
        const outputs: Output[] = []
        const limits = { upload, signal, maxExpansion: rule.maxExpansion }
        for await (const output of untilAborted(outputsOf(transform, source.content, limits), signal)) {
          const sink = rule.sinkOf(output.name)
          // What is written is transformed as it goes.
          const write = { name: 'write', attributes: { 'headgate.sink': sink } }
          const written = await inSpan(tracing, write, () => sinkOf(sink, rule)(output, context))
          outputs.push({ ...written, ...(output.note !== undefined && { note: output.note }) })
        }
        span?.set({ 'headgate.outputs': outputs.length })
        return { outputs, transform: origin.transform }
      })
    }

    return { source, writeOutputs, close }
  }
}
