import { useSignal } from '@preact/signals'
import type { RecordsLine, RecordView } from '../../snapshot.ts'
import { lines } from '../api.ts'
import { bytesOf, type Format, previewOf } from '../data-text.ts'
import { DataText } from '../data-view.tsx'
import { bytes } from '../format.ts'
import { Time } from '../parts.tsx'

interface RecordSettings {
  record: RecordView
  shardId: string
  format: Format
}

/** A line of the list of records. It opens to show the data. */
export function RecordItem({ record, shardId, format }: RecordSettings) {
  const isOpen = useSignal(false)
  const whole = useSignal<RecordView | undefined>(undefined)
  const { sequenceNumber, subSequenceNumber, partitionKey, arrivedAt, bytes: size, isCut } = record
  const shown = whole.value ?? record
  const data = bytesOf(shown.data)

  async function load(): Promise<void> {
    const query = new URLSearchParams({
      from: 'sequence',
      sequence: sequenceNumber,
      limit: '1000',
      maxBytes: '10485760',
    })
    const path = `/api/shards/${encodeURIComponent(shardId)}/records?${query}`
    const stop = new AbortController()
    for await (const line of lines<RecordsLine>(path, stop.signal)) {
      if (line.type !== 'record' || line.record.subSequenceNumber !== subSequenceNumber) continue
      whole.value = line.record
      stop.abort()
      return
    }
  }

  return (
    <li class={isOpen.value ? 'open' : ''}>
      <button
        type="button"
        aria-expanded={isOpen.value}
        onClick={() => {
          isOpen.value = !isOpen.value
        }}
      >
        <Time at={arrivedAt} />
        <span class="key clip" title={partitionKey ?? 'no partition key'}>
          {partitionKey ?? '–'}
        </span>
        <span class="preview clip">{previewOf(data, isCut)}</span>
        <span class="size">{bytes(size)}</span>
      </button>
      {isOpen.value && (
        <div class="record-body">
          <dl class="facts">
            <div>
              <dt>Partition key</dt>
              <dd class="mono break">{partitionKey ?? 'none'}</dd>
            </div>
            <div>
              <dt>Sequence number</dt>
              <dd class="mono break">
                {sequenceNumber}
                {subSequenceNumber > 0 && `, record ${subSequenceNumber} of its aggregate`}
              </dd>
            </div>
            <div>
              <dt>Arrived</dt>
              <dd>{new Date(arrivedAt).toISOString()}</dd>
            </div>
          </dl>
          <DataText data={data} isCut={shown.isCut} format={format} />
          {shown.isCut && (
            <p class="muted">
              The first {bytes(data.length)} of {bytes(size)}.{' '}
              <button type="button" onClick={() => void load()}>
                Show all
              </button>
            </p>
          )}
        </div>
      )}
    </li>
  )
}
