import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Failure } from '../../snapshot.ts'
import { RequestError, request } from '../api.ts'
import { parseCsv } from '../csv.ts'
import { DataText } from '../data-view.tsx'
import { bytes } from '../format.ts'
import { FailureBox } from '../parts.tsx'

export interface PreviewSettings {
  title: string
  path: string
  filename: string
  type: string
  size: number | undefined
}

/** More is not shown. A download has all of it. */
const MAX_TEXT_BYTES = 256 * 1024
const MAX_IMAGE_BYTES = 20 * 1024 ** 2
const IMAGES = /^image\/(?:png|jpeg|gif|webp|avif|bmp)$/
const MAX_ROWS = 100

type Content =
  | { kind: 'image'; url: string }
  | { kind: 'data'; data: Uint8Array; isCut: boolean }
  | { kind: 'table'; rows: string[][]; isCut: boolean }
  | { kind: 'none' }

/** A file: an image, a CSV table, JSON, text, or the first bytes. */
export function Preview({ title, path, filename, type, size }: PreviewSettings) {
  const content = useSignal<Content | undefined>(undefined)
  const failure = useSignal<Failure | undefined>(undefined)

  useEffect(() => {
    const stop = new AbortController()
    let url: string | undefined
    void load(path, { type, size }, stop.signal)
      .then(found => {
        if (found.kind === 'image') url = found.url
        content.value = found
      })
      .catch((error: unknown) => {
        if (stop.signal.aborted) return
        if (!(error instanceof RequestError) && !(error instanceof TypeError)) throw error
        failure.value =
          error instanceof RequestError ? error.failure : { title: 'The connection was lost.', advice: '' }
      })
    return () => {
      stop.abort()
      if (url !== undefined) URL.revokeObjectURL(url)
    }
  }, [path])

  return (
    <section class="preview-box" aria-label={title}>
      <div class="spread">
        <h2>{title}</h2>
        <span class="tools">
          <span class="muted">
            {type}
            {size !== undefined && `, ${bytes(size)}`}
          </span>
          <button type="button" onClick={() => void download(path, filename, failure)}>
            Download
          </button>
        </span>
      </div>
      {failure.value && <FailureBox failure={failure.value} />}
      <Shown content={content.value} title={`${title}: ${filename}`} />
    </section>
  )
}

function Shown({ content, title }: { content: Content | undefined; title: string }) {
  if (content === undefined) return <p class="muted">Reading…</p>
  if (content.kind === 'none') return <p class="muted">The file is too large to be shown here.</p>
  if (content.kind === 'image') return <Picture url={content.url} title={title} />
  if (content.kind === 'data') {
    return (
      <>
        <DataText data={content.data} isCut={content.isCut} format="auto" />
        {content.isCut && <p class="muted">The first {bytes(content.data.length)}.</p>}
      </>
    )
  }
  const [head = [], ...rows] = content.rows
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
    <section class="csv" aria-label={title} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {head.map((cell, index) => (
              <th key={index} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {content.isCut && <p class="muted">The first {rows.length} rows.</p>}
    </section>
  )
}

/** Says so if the browser cannot decode an image, for example a damaged one. */
function Picture({ url, title }: { url: string; title: string }) {
  const isBroken = useSignal(false)
  if (isBroken.value) return <p class="muted">The browser cannot show this image. It may be damaged.</p>
  return (
    <img
      class="picture"
      src={url}
      alt={title}
      onError={() => {
        isBroken.value = true
      }}
    />
  )
}

async function load(
  path: string,
  { type, size }: Pick<PreviewSettings, 'type' | 'size'>,
  signal: AbortSignal,
): Promise<Content> {
  const isImage = IMAGES.test(type)
  if (isImage && (size ?? 0) > MAX_IMAGE_BYTES) return { kind: 'none' }
  const response = await request(path, { signal })
  if (isImage) return { kind: 'image', url: URL.createObjectURL(new Blob([await response.blob()], { type })) }
  const { data, isCut } = await beginning(response)
  if (/^text\/(?:csv|tab-separated-values)/.test(type)) {
    const rows = parseCsv(new TextDecoder().decode(data), MAX_ROWS + 1)
    if (rows.length > 1) return { kind: 'table', rows, isCut: isCut || rows.length > MAX_ROWS }
  }
  return { kind: 'data', data, isCut }
}

/** Reads only as much as is shown. */
async function beginning(response: Response): Promise<{ data: Uint8Array; isCut: boolean }> {
  const parts: Uint8Array[] = []
  let size = 0
  const reader = response.body?.getReader()
  for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
    parts.push(next.value)
    size += next.value.length
    if (size > MAX_TEXT_BYTES) break
  }
  await reader?.cancel()
  const whole = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer())
  return { data: whole.subarray(0, MAX_TEXT_BYTES), isCut: size > MAX_TEXT_BYTES }
}

/** A plain link cannot send the token. */
async function download(path: string, filename: string, failure: { value: Failure | undefined }): Promise<void> {
  try {
    const url = URL.createObjectURL(await (await request(path)).blob())
    const link = document.createElement('a')
    link.href = url
    link.download = filename
    link.click()
    URL.revokeObjectURL(url)
  } catch (error) {
    if (!(error instanceof RequestError)) throw error
    failure.value = error.failure
  }
}
