import type { Quota } from '../../uploads/quotas/quota-store.ts'
import type { PendingUpload, ReservedLimits } from '../../uploads/records/record.ts'
import { missingPermission } from '../auth/permissions.ts'
import { createTypeInspector, type TypeInspector } from '../content/inspect-type.ts'
import type { SizeLimit } from '../ingest/errors.ts'
import { ProblemError } from '../problems/problem.ts'
import type { PolicyRule } from './read-policies.ts'
import { type UploadMethod, uploadMethods } from './upload-method.ts'

/** What each file must keep to, in any method. */
export interface FileLimits extends SizeLimit {
  /** The folders below `uploads/` in which the object is stored, without slashes around them. */
  keyPrefix?: string
  /** How much the owner may upload in a day. Undefined: any number, at no cost. */
  quota?: Quota
}

/** What an upload of several requests must keep to. */
export interface ReservationLimits extends FileLimits {
  /** Patterns such as `image/*`. Empty: every type. */
  allowedTypes: readonly string[]
}

/** What an upload must keep to. */
export interface UploadLimits extends ReservationLimits {
  /** Maximum number of files in a form. */
  maxFormFiles: number
  /** Accepts the files of `allowedTypes`. */
  inspector: TypeInspector
}

/** What the owner of a token may upload. */
export interface UploadPolicy {
  /** Returns the limits of an upload by a method. @throws ProblemError if no rule allows it */
  limitsFor(method: UploadMethod): UploadLimits
  /** Returns the limits of every allowed method. @throws ProblemError if no rule allows any */
  allowed(): ReadonlyMap<UploadMethod, UploadLimits>
}

/** Decides what may be uploaded, by the claims of a verified token. */
export interface UploadPolicies {
  of(claims: Readonly<Record<string, unknown>>): UploadPolicy
  /** The limits of the deployment, for requests without a token. */
  readonly deployment: UploadLimits
}

export interface PoliciesSettings {
  /** @default every upload is allowed */
  rules?: readonly PolicyRule[] | undefined
  /** MAX_UPLOAD_BYTES. */
  maxBytes: number
  /** MAX_FORM_FILES. */
  maxFormFiles: number
  /** ALLOWED_TYPES. A rule with `types` replaces it. */
  allowedTypes: readonly string[]
}

/**
 * The first rule whose conditions all hold decides about an upload: the user is in one of its `groups`, the token has all of its
 * `scopes`, and the file is sent by one of its `methods`. If no rule applies, the upload is refused.
 */
export function createPolicies({ rules, maxBytes, maxFormFiles, allowedTypes }: PoliciesSettings): UploadPolicies {
  const deployment = { maxBytes, maxFormFiles, allowedTypes, inspector: createTypeInspector(allowedTypes) }
  if (rules === undefined) {
    const open: UploadPolicy = {
      limitsFor: () => deployment,
      allowed: () => new Map(uploadMethods.map(method => [method, deployment])),
    }
    return { deployment, of: () => open }
  }
  const limited = rules.map(rule => ({ rule, limits: limitsOf(rule, deployment) }))

  return {
    deployment,
    of(claims) {
      const own = limited.filter(({ rule: { groups = [], scopes = [] } }) => {
        return missingPermission(claims, { groups, scopes }) === undefined
      })
      const find = (method: UploadMethod) =>
        own.find(({ rule: { methods } }) => methods?.includes(method) ?? true)?.limits
      return {
        limitsFor: method => find(method) ?? refuse(method, uploadMethods.filter(find)),
        allowed() {
          const found = uploadMethods.flatMap((method): Array<[UploadMethod, UploadLimits]> => {
            const limits = find(method)
            return limits ? [[method, limits]] : []
          })
          if (found.length === 0) throw noRule('No rule of this service allows you to upload files.')
          return new Map(found)
        },
      }
    },
  }
}

function limitsOf(
  { name, maxBytes, filesPerForm, types, keyPrefix, bytesPerDay, uploadsPerDay }: PolicyRule,
  deployment: UploadLimits,
): UploadLimits {
  return {
    rule: name,
    maxBytes: maxBytes ?? deployment.maxBytes,
    maxFormFiles: filesPerForm ?? deployment.maxFormFiles,
    allowedTypes: types ?? deployment.allowedTypes,
    ...(keyPrefix !== undefined && { keyPrefix }),
    ...((bytesPerDay ?? uploadsPerDay) !== undefined && { quota: { bytesPerDay, uploadsPerDay } }),
    inspector: types ? createTypeInspector(types, name) : deployment.inspector,
  }
}

/** Returns what a reservation keeps of the limits, so that no other rule decides about its upload. Undefined without a rule. */
export function toReserved({ rule, maxBytes, allowedTypes, quota }: ReservationLimits): ReservedLimits | undefined {
  return rule === undefined ? undefined : { rule, maxBytes, allowedTypes, ...(quota && { quota }) }
}

/** Returns the limits of an upload that was begun before: those of its reservation, or else those of the request. */
export function limitsOfReservation(
  { limits }: Pick<PendingUpload, 'limits'>,
  ofRequest: ReservationLimits,
): ReservationLimits {
  return limits ?? ofRequest
}

/** Returns what inspects the file of an upload that was begun before. */
export function inspectorOfReservation(
  { limits }: Pick<PendingUpload, 'limits'>,
  ofRequest: TypeInspector,
): TypeInspector {
  return limits ? createTypeInspector(limits.allowedTypes, limits.rule) : ofRequest
}

const TITLES: Readonly<Record<UploadMethod, string>> = {
  json: 'as JSON',
  form: 'in a form',
  raw: 'as a raw body',
  grant: 'by a grant',
  tus: 'by tus',
}

function refuse(method: UploadMethod, others: readonly UploadMethod[]): never {
  const ways = new Intl.ListFormat('en', { type: 'disjunction' }).format(others.map(other => TITLES[other]))
  const hint = ways === '' ? '' : ` You may send files ${ways}.`
  throw noRule(`No rule of this service allows you to send a file ${TITLES[method]}.${hint}`)
}

const noRule = (detail: string) => new ProblemError('upload-not-allowed', detail)
