import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { Quota, QuotaStore, QuotaUse } from '../../uploads/quotas/quota-store.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'
import { ProblemError } from '../problems/problem.ts'
import type { FileLimits } from './policies.ts'

/** What is left of a quota. Parts without a limit are missing. */
export interface QuotaLeft {
  bytes?: number
  uploads?: number
  /** When the next day of UTC begins. ISO 8601. */
  resetsAt: string
}

/** An upload that is counted. */
export interface ChargedUpload {
  owner: string
  uploadId: string
  limits: FileLimits
  /** The size of the file, in bytes. */
  bytes: number
}

/** Enforces the quotas of rules. Without a quota, nothing is read, counted or refused. */
export type Quotas = ReturnType<typeof createQuotas>

export interface QuotasSettings {
  store: QuotaStore
  now?: () => number
}

const DAY_MS = 86_400_000

export function createQuotas({ store, now = Date.now }: QuotasSettings) {
  const today = () => new Date(now()).toISOString().slice(0, 10)

  const left = async (owner: string, quota: Quota, day = today()): Promise<QuotaLeft> =>
    leftOf(await store.used({ owner, day }), quota, day)

  /** Counts an upload in a day. @throws as `roomFor` */
  async function charge(upload: ChargedUpload, day: string, uploads: 0 | 1): Promise<void> {
    const { owner, uploadId, limits, bytes } = upload
    const { quota } = limits
    if (!quota) return
    // A client may announce another length if the first one could not be recorded. That is not a repeated charge.
    const change = { id: uploads === 1 ? uploadId : `${uploadId} length ${bytes}`, bytes, uploads }
    if (await store.charge({ owner, day }, change, quota)) return
    throw refusal(limits, await left(owner, quota, day), bytes)
  }

  return {
    left,

    /**
     * Returns the limits of an upload before it arrives: no more than what is left of the quota. Counts nothing.
     *
     * @param known.bytes the size of the file
     * @param known.day the day that the upload is counted in. @default today
     * @throws ProblemError if no upload is left, PayloadTooLargeError if too few bytes are left
     */
    async roomFor(
      owner: string,
      limits: FileLimits,
      { bytes = 0, day }: { bytes?: number | undefined; day?: string | undefined } = {},
    ): Promise<FileLimits> {
      if (!limits.quota) return limits
      const rest = await left(owner, limits.quota, day)
      if (rest.uploads === 0 || (rest.bytes !== undefined && bytes > rest.bytes)) throw refusal(limits, rest, bytes)
      return rest.bytes === undefined || rest.bytes >= limits.maxBytes ? limits : limitOf(limits, rest.bytes, rest)
    },

    /** Counts an upload. Resolves to its day, or to undefined without a quota. @throws as `roomFor` */
    async charge(upload: ChargedUpload): Promise<string | undefined> {
      if (!upload.limits.quota) return undefined
      const day = today()
      await charge(upload, day, 1)
      return day
    },

    /** Counts the bytes of an upload whose length becomes known later than its creation. @throws as `roomFor` */
    chargeLength: (upload: ChargedUpload, day: string): Promise<void> => charge(upload, day, 0),

    /**
     * Gives back what was charged for an upload that could not be accepted. Never rejects: the day of the owner ends soon.
     *
     * @param day from `charge`. Undefined: nothing was charged
     */
    async refund(
      { owner, uploadId, bytes }: ChargedUpload,
      day: string | undefined,
      log: Pick<Logger, 'warn'>,
    ): Promise<void> {
      if (day === undefined) return
      await cleanUp(() => store.refund({ owner, day }, { id: uploadId, bytes, uploads: 1 })).catch((err: unknown) => {
        log.warn({ err, uploadId }, 'the quota of a rejected upload could not be given back')
      })
    },
  }
}

function leftOf({ bytes, uploads }: QuotaUse, { bytesPerDay, uploadsPerDay }: Quota, day: string): QuotaLeft {
  return {
    ...(bytesPerDay !== undefined && { bytes: Math.max(0, bytesPerDay - bytes) }),
    ...(uploadsPerDay !== undefined && { uploads: Math.max(0, uploadsPerDay - uploads) }),
    resetsAt: new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS).toISOString(),
  }
}

function refusal(limits: FileLimits, rest: QuotaLeft, bytes: number): Error {
  if (rest.uploads !== 0 || (rest.bytes !== undefined && bytes > rest.bytes)) {
    return new PayloadTooLargeError('The file', limitOf(limits, rest.bytes ?? 0, rest))
  }
  return new ProblemError(
    'quota-exceeded',
    `The rule "${limits.rule}" allows ${limits.quota?.uploadsPerDay} uploads a day, and none is left until ${rest.resetsAt}.`,
  )
}

const limitOf = ({ rule }: FileLimits, maxBytes: number, { resetsAt }: QuotaLeft) => ({ maxBytes, rule, resetsAt })
