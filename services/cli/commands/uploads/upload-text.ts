import type { Upload } from '../../../client/index.ts'
import { nameText } from '../../output.ts'
import { sizeText } from '../../sizes.ts'

/** Returns the lines that show where the outputs of an upload are. */
export function outputLines({ processed, outputs }: Upload): string[] {
  const main = processed ? [`  s3://${processed.bucket}/${processed.key}`] : []
  const others = (outputs ?? []).flatMap(({ name, s3, size }) => {
    if (name === 'main' || !s3) return []
    return [`  s3://${s3.bucket}/${s3.key}  ${name}${size === undefined ? '' : `, ${sizeText(size)}`}`]
  })
  return [...main, ...others]
}

/** Returns an upload as lines for a terminal. */
export function uploadText(upload: Upload): string {
  const { uploadId, filename, contentType, detectedType, size, uploadedAt, status, s3, failure, transform } = upload
  const { sha256, announcedSha256, metadata = {} } = upload
  const pairs = Object.entries(metadata).map(([name, value]) => `${name}=${nameText(value)}`)
  const type =
    detectedType === undefined || detectedType === contentType
      ? contentType
      : `${contentType}, detected ${detectedType}`
  const lines: Array<readonly [string, string | undefined]> = [
    ['id', uploadId],
    ['name', nameText(filename)],
    ['status', status],
    ['reason', failure && `${failure.reason} (${failure.code})`],
    ['size', `${sizeText(size)}${size < 1_000 ? '' : `, ${size} bytes`}`],
    ['type', type],
    ['sha256', sha256 ?? (announcedSha256 && `${announcedSha256} (announced, not verified yet)`)],
    ['metadata', pairs.length > 0 ? pairs.join(', ') : undefined],
    ['uploaded', uploadedAt],
    ['stored', nameText(`s3://${s3.bucket}/${s3.key}`)],
    ['transform', transform && `${transform.name} ${transform.version}`],
  ]
  const known = lines.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(10)}${value}`]))
  const outputs = outputLines(upload)
  return [...known, ...(outputs.length === 0 ? [] : ['outputs', ...outputs])].join('\n')
}
