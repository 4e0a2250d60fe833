/** The ways to upload a file, as in `GET /uploads/limits` and in the rules of UPLOAD_POLICIES. */
export const uploadMethods = ['json', 'form', 'raw', 'grant', 'tus'] as const
export type UploadMethod = (typeof uploadMethods)[number]
