import { cleanUp } from '../../platform/deadline.ts'
import type { Logger } from '../../platform/log.ts'
import type { Quota, QuotaStore, QuotaUse } from '../../uploads/quotas/quota-store.ts'
import { PayloadTooLargeError } from '../ingest/errors.ts'
import { ProblemError } from '../problems/problem.ts'
import type { UploadLimits } from './policies.ts'

/** The limits of an upload whose rule has a quota. */
export type QuotaLimits = Pick<UploadLimits, 'maxBytes' | 'rule'> & { quota: Quota }

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
  limits: QuotaLimits
  /** The size of the file, in bytes. */
  bytes: number
}

/** Enforces the quotas of rules. */
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
    // A client may announce another length if the first one could not be recorded. That is not a repeated charge.
    const change = { id: uploads === 1 ? uploadId : `${uploadId} length ${bytes}`, bytes, uploads }
    if (await store.charge({ owner, day }, change, limits.quota)) return
    throw refusal(limits, await left(owner, limits.quota, day), bytes)
  }

  return {
    left,

    /**
     * Returns the limits of an upload before it arrives: no more than what is left of the quota. Counts nothing.
     *
     * @param bytes the size of the file, if it is known
     * @throws ProblemError if no upload is left, PayloadTooLargeError if too few bytes are left
     */
    async roomFor(owner: string, limits: QuotaLimits, bytes = 0) {
      const rest = await left(owner, limits.quota)
      if (rest.uploads === 0 || (rest.bytes !== undefined && bytes > rest.bytes)) throw refusal(limits, rest, bytes)
      return rest.bytes === undefined || rest.bytes >= limits.maxBytes ? limits : limitOf(limits, rest.bytes, rest)
    },

    /** Counts an upload. Resolves to its day. @throws as `roomFor` */
    async charge(upload: ChargedUpload): Promise<string> {
      const day = today()
      await charge(upload, day, 1)
      return day
    },

    /** Counts the bytes of an upload whose length becomes known later than its creation. @throws as `roomFor` */
    chargeLength: (upload: ChargedUpload, day: string): Promise<void> => charge(upload, day, 0),

    /** Gives back what was charged for an upload that could not be accepted. Never rejects: the day of the owner ends soon. */
    async refund({ owner, uploadId, bytes }: ChargedUpload, day: string, log: Pick<Logger, 'warn'>): Promise<void> {
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

function refusal(limits: QuotaLimits, rest: QuotaLeft, bytes: number): Error {
  const { uploadsPerDay } = limits.quota
  if (rest.uploads !== 0 || (rest.bytes !== undefined && bytes > rest.bytes)) {
    return new PayloadTooLargeError('The file', limitOf(limits, rest.bytes ?? 0, rest))
  }
  return new ProblemError(
    'quota-exceeded',
    `The rule "${limits.rule}" allows ${uploadsPerDay} uploads a day, and none is left until ${rest.resetsAt}.`,
  )
}

const limitOf = ({ rule }: QuotaLimits, maxBytes: number, { resetsAt }: QuotaLeft) => ({ maxBytes, rule, resetsAt })
