const SEEDS = 2 ** 31;

/** A seed that is not used yet, in all likelihood. */
export const newSeed = () => Math.floor(Math.random() * SEEDS);
