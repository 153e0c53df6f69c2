"""The models of an ensemble as they are saved and run: native files of CatBoost and LightGBM, plain arrays of the others. No pickle."""
