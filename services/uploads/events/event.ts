import { type Static, Type } from 'typebox'

/** The version of the contract below. A change that an older worker would misread raises it. */
export const EVENT_VERSION = 1

const objectProperties = {
  bucket: Type.String({ minLength: 3, maxLength: 63 }),
  key: Type.String({ minLength: 1, maxLength: 1024 }),
}

const sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })

export const fullEventSchema = Type.Object({
  ...objectProperties,
  version: Type.Literal(EVENT_VERSION),
  uploadId: Type.String({ minLength: 1, maxLength: 128 }),
  userSub: Type.String({ minLength: 1, maxLength: 128 }),
  filename: Type.String({ minLength: 1, maxLength: 1024 }),
  contentType: Type.String({ minLength: 1, maxLength: 1024 }),
  // Missing in old events. Old workers ignore unknown properties.
  detectedType: Type.Optional(Type.String({ maxLength: 255, description: 'the type that the first bytes show' })),
  // Old workers ignore unknown properties.
  metadata: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 1_024 }), {
      description: 'what the client says about its file, by names of its own',
    }),
  ),
  filenameGenerated: Type.Optional(
    Type.Literal(true, { description: 'the client gave no name, and the service generated `filename`' }),
  ),
  size: Type.Integer({ minimum: 0, description: 'bytes' }),
  // Missing if nobody has read the object yet. The first workers refuse such an event.
  sha256: Type.Optional(sha256),
  // Old workers ignore unknown properties.
  announcedSha256: Type.Optional({
    ...sha256,
    description: 'the digest that the client announced and nobody has verified',
  }),
  uploadedAt: Type.String({ maxLength: 64, description: 'ISO 8601, UTC' }),
  requestId: Type.String({ maxLength: 256 }),
  // The first workers did not know it. They ignore unknown properties.
  traceparent: Type.Optional(Type.String({ maxLength: 256, description: 'W3C Trace Context' })),
})

export const bareEventSchema = Type.Object({ ...objectProperties, version: Type.Optional(Type.Undefined()) })

/** The event that the api puts on the stream for every accepted upload. */
export type UploadEvent = Static<typeof fullEventSchema>

/** The event of another producer. Only the object is read from it. */
export type BareEvent = Static<typeof bareEventSchema>

export function encodeEvent(event: UploadEvent): Uint8Array {
  return Buffer.from(JSON.stringify(event))
}

/** Returns true for an event of the api, which describes the upload, and false for one that names only the object. */
export function isUploadEvent(event: UploadEvent | BareEvent): event is UploadEvent {
  return event.version === EVENT_VERSION
}
