import { useEffect } from 'preact/hooks'
import { bytes, duration, type Level } from '../format.ts'
import { Ago, Badge, Empty, FailureBox, Table, type TableColumn } from '../parts.tsx'
import { about } from '../state.ts'
import { hasMore, isFinal, loadMore, type Upload, uploads, uploadsFailure, watchUploads } from '../uploads-state.ts'
import { DropZone } from './drop-zone.tsx'

const LEVELS: Readonly<Record<Upload['status'], Level>> = {
  pending: 'idle',
  stored: 'warn',
  queued: 'idle',
  scanning: 'warn',
  processing: 'warn',
  processed: 'ok',
  failed: 'bad',
  quarantined: 'bad',
}

export function Status({ status }: { status: Upload['status'] }) {
  return <Badge level={LEVELS[status]}>{status}</Badge>
}

const columns: ReadonlyArray<TableColumn<Upload>> = [
  {
    title: 'File',
    width: 'minmax(6rem, 2fr)',
    cell: ({ uploadId, filename }) => (
      <a class="row-link" href={`#/uploads/${uploadId}`} title={filename}>
        {filename}
      </a>
    ),
    sortBy: ({ filename }) => filename,
  },
  {
    title: 'Status',
    width: '7rem',
    cell: ({ status }) => <Status status={status} />,
    sortBy: ({ status }) => status,
  },
  {
    title: 'Reason',
    width: 'minmax(6rem, 3fr)',
    cell: ({ failure }) => <span title={failure?.reason}>{failure?.reason ?? ''}</span>,
    isWide: true,
  },
  {
    title: 'Type',
    width: 'minmax(7rem, 1fr)',
    cell: ({ contentType, detectedType }) => detectedType ?? contentType,
    sortBy: ({ contentType, detectedType }) => detectedType ?? contentType,
    isWide: true,
  },
  {
    title: 'Size',
    width: '5.5rem',
    cell: ({ size }) => bytes(size),
    sortBy: ({ size }) => size,
    align: 'right',
    isWide: true,
  },
  {
    title: 'Took',
    width: '5rem',
    cell: upload => (isFinal(upload.status) ? duration(tookMs(upload)) : '–'),
    sortBy: upload => (isFinal(upload.status) ? tookMs(upload) : undefined),
    align: 'right',
    isWide: true,
  },
  {
    title: 'Uploaded',
    width: '6rem',
    cell: ({ uploadedAt }) => <Ago at={Date.parse(uploadedAt)} />,
    sortBy: ({ uploadedAt }) => uploadedAt,
    align: 'right',
  },
]

function tookMs({ uploadedAt, updatedAt }: Upload): number {
  return Date.parse(updatedAt) - Date.parse(uploadedAt)
}

export function Uploads() {
  const access = about.value?.uploads
  useEffect(() => (access ? watchUploads() : undefined), [access])
  if (!access) {
    return (
      <>
        <h1>Uploads</h1>
        <Empty title="This console knows no api.">
          Sign in with <code>headgate login URL</code>, and start the console again. Or set API_URL and API_TOKEN.
        </Empty>
      </>
    )
  }
  const list = uploads.value
  return (
    <>
      <h1>Uploads</h1>
      <p class="lead">
        The uploads of {access.user ?? 'the user of API_TOKEN'} at {access.apiUrl}.
      </p>
      {about.value?.allowChanges && <DropZone />}
      {uploadsFailure.value && <FailureBox failure={uploadsFailure.value} />}
      {list === undefined ? (
        !uploadsFailure.value && <p class="muted">Reading the uploads…</p>
      ) : list.length === 0 ? (
        <Empty title="There are no uploads yet.">
          {about.value?.allowChanges ? 'Drop a file above, or run: ' : 'Upload one with: '}
          <code>headgate upload FILE</code>
        </Empty>
      ) : (
        <Table
          label="Uploads"
          rows={list}
          keyOf={({ uploadId }) => uploadId}
          columns={columns}
          onEnd={() => {
            if (hasMore.value) void loadMore()
          }}
        />
      )}
    </>
  )
}
