const SEEDS = 2 ** 31;

/** Returns a random seed from 0 to 2³¹ − 1, which in all likelihood is not used yet. */
export const newSeed = () => Math.floor(Math.random() * SEEDS);
